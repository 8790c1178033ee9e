import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/client/index.ts';
import { answerOf, PRICES } from './model-script.ts';
import { addUsage, dueUsage, judgeLedger, judgeRun, type RunRecord } from './run-checks.ts';

const TAG = 'checked.1.0';
const ANSWER = answerOf(TAG);
const SHOWN_LENGTH = 40;
const tokenizer = { count: (text: string) => text.length };

type Body = RunEvent extends infer Event
  ? Event extends RunEvent
    ? Omit<Event, 'cursor' | 'sequence'>
    : never
  : never;
const numbered = (bodies: readonly Body[]): RunEvent[] =>
  bodies.map((body, sequence) => ({ ...body, cursor: `c${sequence}`, sequence }) as RunEvent);

/** An answer whose first node died after a part of it. */
function bodies(): Body[] {
  const shape: Body[] = [
    { __typename: 'RunStart' },
    { __typename: 'TokenDelta', text: ANSWER.slice(0, SHOWN_LENGTH) },
    { __typename: 'RunHandover', generation: 2, textLength: SHOWN_LENGTH },
    { __typename: 'TokenDelta', text: ANSWER.slice(SHOWN_LENGTH) },
  ];
  const usage = dueUsage(TAG, numbered(shape), tokenizer);
  const message = { id: 'msg', text: ANSWER, citations: [] };
  return [
    ...shape,
    { __typename: 'UsageReported', ...usage },
    { __typename: 'RunEnd', finishReason: 'COMPLETED', message },
  ];
}
function judge(events: readonly RunEvent[], record: Partial<RunRecord> = {}): string[] {
  const whole = { tag: TAG, runIds: ['run', 'run'], startedCount: 1, watches: [events, events], ...record };
  return judgeRun(whole, tokenizer).map(({ harm }) => harm);
}
const without = (index: number) => bodies().filter((_, at) => at !== index);
const twice = (index: number) => bodies().flatMap((body, at) => (at === index ? [body, body] : [body]));

describe('the checks of a run', () => {
  it('find nothing in a whole answer', () => {
    expect(judge(numbered(bodies()))).toEqual([]);
  });

  it.each([
    ['an event is missing', numbered(bodies()).filter((_, index) => index !== 3), 'lost'],
    ['a delta was never stored', numbered(without(3)), 'lost'],
    ['the end never came', numbered(bodies()).slice(0, -1), 'lost'],
    [
      'an event came twice',
      numbered(bodies()).flatMap((event, at) => (at === 3 ? [event, event] : [event])),
      'doubled',
    ],
    ['a delta was stored twice', numbered(twice(3)), 'doubled'],
    ['it ended twice', numbered(twice(5)), 'doubled'],
    ['usage was reported twice', numbered(twice(4)), 'misbilled'],
    ['nothing was charged', numbered(without(4)), 'misbilled'],
  ])('notice that %s', (_what, events, harm) => {
    expect(judge(events)).toContain(harm);
  });

  it('notice a gap, a failure, and a price that is not the due one', () => {
    const events = numbered(bodies());
    const error = { code: 'MODEL_FAILED', message: 'x', retryable: true };
    expect(judge(numbered([...bodies().slice(0, 4), { __typename: 'RunError', error }]))).toContain('lost');
    expect(
      judge(numbered([{ __typename: 'RunGap', firstMissing: 0, lastMissing: 0 }, ...bodies()])),
    ).toContain('lost');
    const dear = events.map((event) =>
      event.__typename === 'UsageReported' ? { ...event, costMicros: event.costMicros + 1 } : event,
    );
    expect(judge(dear)).toEqual(['misbilled']);
  });

  it('notice two runs of one key, and readers who saw different answers', () => {
    const events = numbered(bodies());
    expect(judge(events, { runIds: ['one', 'other'] })).toEqual(['doubled']);
    expect(judge(events, { startedCount: 2 })).toEqual(['doubled']);
    expect(judge(events, { runIds: [], watches: [] })).toEqual(['lost']);
    const moved = events.map((event) => ({ ...event, cursor: `other ${event.cursor}` }));
    expect(judge(events, { watches: [events, moved] })).toEqual(['lost']);
  });
});

describe('the checks of the ledger', () => {
  const nothing = { messages: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 };
  const due = addUsage(nothing, dueUsage(TAG, numbered(bodies()), tokenizer));
  const quota = { limitMicros: null, usedMicros: due.costMicros, reservedMicros: 0, resetsAt: '' };
  const judged = (usage: typeof due, changes: Partial<typeof quota> = {}) =>
    judgeLedger(due, { usage, quota: { ...quota, ...changes } } as never).map(({ harm }) => harm);

  it('find nothing when it is the sum of what was reported', () => {
    expect(due.costMicros).toBeGreaterThan(PRICES.inputMicrosPerMillion / 1_000_000);
    expect(judged(due)).toEqual([]);
  });

  it('notice a second charge, a missing one, and a reservation that was left', () => {
    expect(judged({ ...due, messages: 2, costMicros: due.costMicros * 2 })).toEqual(['misbilled']);
    expect(judged(nothing)).toEqual(['misbilled']);
    expect(judged(due, { usedMicros: due.costMicros * 2 })).toEqual(['misbilled']);
    expect(judged(due, { reservedMicros: 1 })).toEqual(['misbilled']);
  });
});
