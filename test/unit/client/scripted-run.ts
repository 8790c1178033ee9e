import type { RunEvent } from '../../../src/client/index.ts';
import type { Subscribe } from './scripted-server.ts';

const DELTAS = ['Redis', ' 🦀', ' and\r\n', 'Post', 'greSQL', ' 漢字', '.'];
export const ANSWER = DELTAS.join('');

const place = (sequence: number) => ({ sequence, cursor: `cursor-${sequence}` });
/** A whole run, dense from 0, with everything that a reader must get exactly once. */
export const RUN: readonly RunEvent[] = [
  { __typename: 'RunStart', ...place(0) },
  { __typename: 'RetrievalEnd', passageCount: 3, ...place(1) },
  ...DELTAS.map((text, index) => ({ __typename: 'TokenDelta' as const, text, ...place(2 + index) })),
  {
    __typename: 'RunEnd',
    finishReason: 'COMPLETED',
    message: { id: 'm', text: ANSWER, citations: [] },
    ...place(9),
  },
];

/** Sequence of the first event that a subscription has not seen. */
export function firstAfter({ variables }: Subscribe): number {
  const { after } = variables;
  return typeof after === 'string' ? Number(after.slice('cursor-'.length)) + 1 : 0;
}

export function sendEvents(subscribe: Subscribe, from: number, to: number = RUN.length): void {
  for (const runEvents of RUN.slice(from, to)) subscribe.next({ data: { runEvents } });
}

export const SENT = {
  sendMessage: {
    __typename: 'SendMessageSuccess',
    replayed: false,
    conversation: { id: 'conversation' },
    userMessage: { id: 'question', text: 'Which?' },
    run: { id: 'run', status: 'RUNNING' },
  },
};

let tokenCount = 0;
/** Tokens that differ from all others of the process. */
export function newSession(lifeMs = 900_000) {
  tokenCount += 1;
  return {
    __typename: 'LoginSuccess',
    accessToken: `access-${tokenCount}`,
    refreshToken: `refresh-${tokenCount}`,
    expiresAt: new Date(Date.now() + lifeMs).toISOString(),
    user: { id: 'user', email: 'test@example.com' },
    workspace: { id: 'workspace', name: 'Demo' },
  };
}
