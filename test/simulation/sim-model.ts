import { DomainError } from '../../src/domain/errors.ts';
import type { ChatModel, ChatOutcome, ChatRequest } from '../../src/domain/ports/models.ts';
import type { Clock } from '../../src/domain/ports/system.ts';
import type { ModelPrice } from '../../src/domain/usage.ts';
import type { Dice } from './dice.ts';
import type { Report } from './witness.ts';

export const MODEL_ID = 'simulated';
export const PRICE: ModelPrice = { inputMicrosPerMillion: 2_000_000, outputMicrosPerMillion: 3_000_000 };

const TAG = /#(\w+)\.(\d+)#/g;
const PACE_MAX_MS = 400;
const FAILURE_CHANCE = 0.01;

export function secretOf(workspace: string): string {
  return `secret-of-${workspace}`;
}

/** A question of a workspace (`a` or `b`) that decides its answer. */
export function questionOf(workspace: string, index: number): string {
  return `Which store keeps the ledger of #${workspace}.${index}#?`;
}

export function answerOf(question: string): string {
  const [, workspace = '', index = '0'] = [...question.matchAll(TAG)].at(-1) ?? [];
  const words = Array.from({ length: 4 + ((Number(index) * 7) % 19) }, (_, at) => `w${at} 😀é`);
  return `${workspace}${index}: ${words.join(' ')}.`;
}

export function reportedUsage(answerLength: number, shownLength: number) {
  return { inputTokens: 500 + shownLength, outputTokens: answerLength - shownLength };
}

/** Continues its answer where it stands, a word at a time, and watches that no prompt holds another workspace's text. */
export class SimModel implements ChatModel {
  readonly modelId = MODEL_ID;
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #report: Report;
  readonly #mayFail: () => boolean;

  constructor(clock: Clock, dice: Dice, report: Report, mayFail: () => boolean) {
    this.#clock = clock;
    this.#dice = dice;
    this.#report = report;
    this.#mayFail = mayFail;
  }

  async stream(
    { turns }: ChatRequest,
    onDelta: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    const question = turns.findLast(({ role }) => role === 'user')?.text ?? '';
    const last = turns.at(-1);
    const shown = last?.role === 'assistant' ? last.text : '';
    const answer = answerOf(question);
    const [, workspace = ''] = [...question.matchAll(TAG)].at(-1) ?? [];
    const foreign = secretOf(workspace === 'a' ? 'b' : 'a');
    if (turns.some(({ text }) => text.includes(foreign)))
      this.#report('S4', `a prompt of ${workspace} holds ${foreign}`);
    if (!answer.startsWith(shown)) this.#report('S1', `asked to continue ${JSON.stringify(shown)}`);
    for (const word of answer.slice(shown.length).match(/\S+\s*|\s+/g) ?? []) {
      await this.#clock.sleep(this.#dice.upTo(PACE_MAX_MS), signal);
      if (this.#mayFail() && this.#dice.chance(FAILURE_CHANCE))
        throw new DomainError('MODEL_FAILED', 'injected');
      onDelta(word);
    }
    return { finish: 'stop', toolCalls: [], usage: reportedUsage(answer.length, shown.length) };
  }
}
