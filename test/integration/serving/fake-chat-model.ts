import type { ChatModel, ChatOutcome, ChatRequest } from '../../../src/domain/ports/models.ts';

export interface FakeReply {
  readonly deltas?: readonly string[];
  readonly toolCalls?: ChatOutcome['toolCalls'];
  readonly finish?: ChatOutcome['finish'];
  readonly usage?: ChatOutcome['usage'];
  readonly error?: Error;
  /** Never ends; only an abort does. */
  readonly stalls?: boolean;
}

/** Answers in order, the last one again and again; each delta in a turn of the event loop of its own. */
export class FakeChatModel implements ChatModel {
  readonly modelId = 'fake-model';
  readonly requests: ChatRequest[] = [];
  readonly #replies: readonly FakeReply[];

  constructor(...replies: readonly FakeReply[]) {
    this.#replies = replies;
  }

  async stream(
    request: ChatRequest,
    onDelta: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    this.requests.push({ ...request, turns: [...request.turns] });
    const reply = this.#replies[Math.min(this.requests.length, this.#replies.length) - 1] ?? {};
    for (const delta of reply.deltas ?? []) {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      onDelta(delta);
    }
    if (reply.error) throw reply.error;
    if (reply.stalls) {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    const toolCalls = reply.toolCalls ?? [];
    return {
      finish: reply.finish ?? (toolCalls.length > 0 ? 'tool-calls' : 'stop'),
      toolCalls,
      usage: reply.usage,
    };
  }
}
