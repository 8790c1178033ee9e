import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { DomainError } from '../../../src/domain/errors.ts';
import type { ChatModel, ChatOutcome, ChatRequest } from '../../../src/domain/ports/models.ts';
import type { World } from './world.ts';

/** Real time, but nobody backs off for long: pauses below two seconds take a millisecond. */
export class HastyClock extends SystemClock {
  #aheadMs = 0;

  override now(): number {
    return super.now() + this.#aheadMs;
  }

  /** Leases run out; nobody who sleeps wakes earlier. */
  jump(ms: number): void {
    this.#aheadMs += ms;
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(ms < 2_000 ? Math.min(ms, 1) : ms, signal);
  }
}

export type CrashMode = 'before' | 'after';

/** The stores as a node sees them that dies at its nth call of them: before it has an effect, or after. */
export class DyingStores {
  calls = 0;
  readonly #dieAt: number;
  readonly #mode: CrashMode;
  readonly #onDeath: () => void;

  constructor(dieAt: number, mode: CrashMode, onDeath: () => void) {
    this.#dieAt = dieAt;
    this.#mode = mode;
    this.#onDeath = onDeath;
  }

  wrap(world: World): Pick<World, 'runs' | 'chatLog' | 'runEventLog'> {
    return {
      runs: this.#wrap(world.runs),
      chatLog: this.#wrap(world.chatLog),
      runEventLog: this.#wrap(world.runEventLog),
    };
  }

  #wrap<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...parameters: unknown[]) => {
          this.calls += 1;
          const call = () => Reflect.apply(method, target, parameters) as Promise<unknown>;
          if (this.calls < this.#dieAt) return call();
          if (this.calls === this.#dieAt) {
            if (this.#mode === 'after') await call();
            this.#onDeath();
          }
          throw new DomainError('STORE_UNAVAILABLE', 'This node is dead.');
        };
      },
    });
  }
}

/** Says one text, and goes on with it when it is handed its beginning. Reports a usage only for what it says whole. */
export class ContinuingModel implements ChatModel {
  readonly modelId = 'continuing-model';
  readonly #words: readonly string[];
  readonly #gate: Promise<void> | undefined;

  /** `gate`: waits for it after the second word. */
  constructor(words: readonly string[], gate?: Promise<void>) {
    this.#words = words;
    this.#gate = gate;
  }

  async stream(
    { turns }: ChatRequest,
    onDelta: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    const last = turns.at(-1);
    let skip = last?.role === 'assistant' ? last.text.length : 0;
    for (const [index, word] of this.#words.entries()) {
      await new Promise((resolve) => setImmediate(resolve));
      if (index === 2 && skip === 0) await this.#gate;
      signal.throwIfAborted();
      const rest = word.slice(skip);
      skip = Math.max(0, skip - word.length);
      if (rest !== '') onDelta(rest);
    }
    return { finish: 'stop', toolCalls: [], usage: { inputTokens: 10, outputTokens: 5 } };
  }
}

/** Says that it searches, does so once, and then says its text. */
export class SearchingModel extends ContinuingModel {
  static readonly BEFORE = 'Let me look.';

  override async stream(
    request: ChatRequest,
    onDelta: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    const last = request.turns.at(-1);
    if (request.turns.some(({ role }) => role === 'tool')) return super.stream(request, onDelta, signal);
    onDelta(SearchingModel.BEFORE.slice(last?.role === 'assistant' ? last.text.length : 0));
    const search = { id: 'c1', name: 'search_documents', arguments: '{"query":"ledger"}' };
    return { finish: 'tool-calls', toolCalls: [search], usage: { inputTokens: 20, outputTokens: 6 } };
  }
}
