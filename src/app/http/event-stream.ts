/** The flow of one SSE response: results are pulled no faster than the client reads. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql-sse';
import type { Clock } from '../../domain/ports/system.ts';
import type { Unformatted } from '../../graphql/operations.ts';

/** Results that graphql-sse has taken and that are not written yet. It keeps them in a list without a bound. */
const UNWRITTEN_COUNT_MAX = 16;
const DONE = { done: true, value: undefined } as const;

export interface EventStreamOptions {
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly stallTimeoutMs: number;
}

/** Stands between the subscription and graphql-sse, and between graphql-sse and the response. */
export class EventStream {
  readonly #options: EventStreamOptions;
  #results: AsyncIterableIterator<Unformatted> | undefined;
  #unwritten = 0;
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #over = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    options.response.once('close', () => this.#end());
  }

  /** Ends the subscription with this error as its last result; the client may come back with its last cursor. */
  endWith(error: Error): void {
    if (!this.#over) this.#failure = error;
    this.#end();
  }

  /** The subscription, held back while too much is unwritten, and ended when the stream is. */
  gate(
    results: AsyncIterableIterator<Unformatted>,
    format: (result: Unformatted) => ExecutionResult,
  ): AsyncIterableIterator<ExecutionResult> {
    this.#results = results;
    if (this.#over) void results.return?.();
    const iterator: AsyncIterableIterator<ExecutionResult> = {
      next: async () => {
        const value = await this.#next(results);
        return value === undefined ? DONE : { done: false, value: format(value) };
      },
      return: async () => {
        this.#end();
        return DONE;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Writes what graphql-sse prints, at the client's pace. */
  async write(body: AsyncGenerator<string, void, undefined>): Promise<void> {
    const { response } = this.#options;
    response.once('close', () => void body.return(undefined));
    for await (const text of body) {
      if (response.destroyed) break;
      if (!response.write(text) && !(await this.#drained())) break;
      // Comments only keep the connection open.
      if (text.startsWith(':')) continue;
      this.#unwritten -= 1;
      this.#wake?.();
    }
    response.end();
  }

  /** undefined: no more. */
  async #next(results: AsyncIterableIterator<Unformatted>): Promise<Unformatted | undefined> {
    while (this.#unwritten >= UNWRITTEN_COUNT_MAX && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const result = this.#over ? DONE : await results.next();
    if (!result.done) {
      this.#unwritten += 1;
      return result.value;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    return failure && { errors: [failure] };
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#wake?.();
    void this.#results?.return?.();
  }

  /** False: the client is gone, or too slow and cut off. */
  async #drained(): Promise<boolean> {
    const { response, clock, stallTimeoutMs } = this.#options;
    if (!response.writableNeedDrain) return !response.destroyed;
    const waiting = new AbortController();
    const { signal } = waiting;
    const inTime = await Promise.race([
      once(response, 'drain', { signal }).then(() => true),
      once(response, 'close', { signal }).then(() => false),
      clock.sleep(stallTimeoutMs, signal).then(() => false),
    ]).catch(() => false);
    waiting.abort();
    if (!inTime) response.destroy();
    return inTime;
  }
}
