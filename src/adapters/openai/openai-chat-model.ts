import { DomainError } from '../../domain/errors.ts';
import type { ChatModel, ChatOutcome, ChatRequest } from '../../domain/ports/models.ts';
import type { Clock, Log, Random } from '../../domain/ports/system.ts';
import { CompletionReader } from './completion-reader.ts';
import { EventStreamParser } from './event-stream-parser.ts';
import { LeanChatOpenAi } from './lean-chat-openai.ts';
import { backoffMs, isRetryable, retryAfterMs } from './retry-policy.ts';
import { HttpStatusError, StreamClient } from './stream-request.ts';

export interface OpenAiChatModelDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
export interface OpenAiChatModelOptions {
  /** Of any OpenAI-compatible server, up to and including `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  readonly model: string;
  /** undefined: the server's default. */
  readonly temperature?: number | undefined;
  /** From the request to the first token, all retries included. */
  readonly firstTokenTimeoutMs: number;
  /** Between two tokens. */
  readonly idleTimeoutMs: number;
  readonly retriesMax: number;
  /** A server that asks for more is not waited for. */
  readonly retryAfterMaxMs: number;
}
export const OPENAI_CHAT_DEFAULTS = {
  firstTokenTimeoutMs: 60_000,
  idleTimeoutMs: 30_000,
  retriesMax: 3,
  retryAfterMaxMs: 20_000,
} as const satisfies Partial<OpenAiChatModelOptions>;

/** A chat model behind an OpenAI-compatible server. */
export class OpenAiChatModel implements ChatModel {
  readonly modelId: string;
  readonly #deps: OpenAiChatModelDeps;
  readonly #options: OpenAiChatModelOptions;
  readonly #model: LeanChatOpenAi;
  readonly #endpoint: URL;
  readonly #client = new StreamClient();

  constructor(deps: OpenAiChatModelDeps, options: OpenAiChatModelOptions) {
    const { baseUrl, apiKey, model, temperature } = options;
    this.#deps = deps;
    this.#options = options;
    this.#model = new LeanChatOpenAi({ baseUrl, apiKey, model, temperature });
    this.#endpoint = this.#model.endpoint;
    this.modelId = model;
  }

  async stream(
    request: ChatRequest,
    onDelta: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    const body = this.#model.requestBody(request);
    const deadline = this.#deps.clock.now() + this.#options.firstTokenTimeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      const reader = new CompletionReader(onDelta);
      try {
        return await this.#attempt(body, reader, deadline, signal);
      } catch (error) {
        signal.throwIfAborted();
        const pauseMs = reader.pieceCount > 0 ? undefined : this.#pause(error, attempt, deadline);
        if (pauseMs === undefined) throw this.#failure(error);
        this.#deps.log.info({ attempt, pauseMs, ...describe(error) }, 'model asked again');
        await this.#deps.clock.sleep(pauseMs, signal);
      }
    }
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #attempt(
    body: string,
    reader: CompletionReader,
    deadline: number,
    signal: AbortSignal,
  ): Promise<ChatOutcome> {
    const watch = new StreamWatch(this.#deps.clock, deadline, this.#options.idleTimeoutMs);
    const parser = new EventStreamParser((data) => reader.push(data));
    const onAbort = () => watch.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#client.post({
        url: this.#endpoint,
        headers: this.#model.requestHeaders,
        body,
        signal: watch.signal,
        onBytes: (bytes) => {
          const before = reader.pieceCount;
          parser.push(bytes);
          // A comment that keeps the connection open is no token.
          if (reader.pieceCount > before) watch.alive();
          return reader.done;
        },
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
      watch.end();
    }
    return reader.outcome();
  }

  /** undefined: no further attempt. */
  #pause(error: unknown, attempt: number, deadline: number): number | undefined {
    const { clock, random } = this.#deps;
    const { retriesMax, retryAfterMaxMs } = this.#options;
    if (attempt > retriesMax || !isRetryable(error)) return undefined;
    const now = clock.now();
    const asked = retryAfterMs(error, now);
    if (asked !== undefined && asked > retryAfterMaxMs) return undefined;
    const pauseMs = asked ?? backoffMs(attempt, random.bytes(1)[0] ?? 0);
    return now + pauseMs < deadline ? pauseMs : undefined;
  }

  /** What users are told names no server and repeats nothing the server said. */
  #failure(error: unknown): DomainError {
    this.#deps.log.warn({ ...describe(error), err: error }, 'model failed');
    const asked = retryAfterMs(error, this.#deps.clock.now());
    const options = { cause: error, ...(asked === undefined ? {} : { retryAfterMs: asked }) };
    if (error instanceof HttpStatusError) {
      const isRefusal = error.status === 401 || error.status === 403;
      const message = isRefusal
        ? 'The model server does not accept our credentials.'
        : `The model server answered with status ${error.status}.`;
      return new DomainError('MODEL_FAILED', message, { ...options, retryable: isRetryable(error) });
    }
    if (error instanceof StreamTimeoutError) {
      return new DomainError('MODEL_FAILED', 'The model took too long.', { ...options, retryable: true });
    }
    return new DomainError('MODEL_FAILED', 'The connection to the model broke.', {
      ...options,
      retryable: true,
    });
  }
}

class StreamTimeoutError extends Error {
  override readonly name = 'StreamTimeoutError';
}

/** The two deadlines of a stream, with one sleeper: a token only notes the time. */
class StreamWatch {
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  readonly #controller = new AbortController();
  readonly #ended = new AbortController();
  #dueAt: number;

  constructor(clock: Clock, firstTokenDeadline: number, idleTimeoutMs: number) {
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#dueAt = firstTokenDeadline;
    this.#watch().catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  alive(): void {
    this.#dueAt = this.#clock.now() + this.#idleTimeoutMs;
  }
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
  end(): void {
    this.#ended.abort();
  }

  async #watch(): Promise<void> {
    for (let leftMs = this.#leftMs(); leftMs > 0; leftMs = this.#leftMs()) {
      // A first token moves the deadline nearer, too: look again no later than that.
      await this.#clock.sleep(Math.min(leftMs, this.#idleTimeoutMs), this.#ended.signal);
    }
    this.#controller.abort(new StreamTimeoutError('no token in time'));
  }

  #leftMs(): number {
    return this.#dueAt - this.#clock.now();
  }
}

function describe(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof HttpStatusError) return { status: error.status };
  return { reason: error instanceof Error ? error.name : 'unknown' };
}
