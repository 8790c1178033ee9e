import { type ExecutionArgs, execute } from 'graphql';
import type { RunEvent } from '../domain/run.ts';
import { cursorSuffix } from './cursors.ts';
import type { Audience, Selection } from './selection-cache.ts';
import type { RunEventStream } from './streams.ts';

/** Where results go as text. Holds a bounded amount; the pump waits, and the feed keeps nothing but its position. */
export interface ResultSink {
  /** One result of the operation, as JSON. */
  write(payload: string): void;
  readonly full: boolean;
  /** Resolves when there is room again; false: the consumer is gone, or was too slow and has been cut off. */
  drained(): Promise<boolean>;
}

export interface PumpOptions {
  readonly stream: RunEventStream;
  readonly selection: Selection;
  readonly args: ExecutionArgs;
  readonly sink: ResultSink;
  /** Masks the errors of a result that took resolvers, and gives its JSON. */
  readonly print: (result: Awaited<ReturnType<typeof execute>>) => string;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Looks to a protocol library like a subscription that never yields and then ends, while the events go to the sink as
 * finished JSON. So the library keeps what it is for (ids, complete, errors), and a token costs one write.
 */
export class RunEventPump implements AsyncIterableIterator<never, undefined> {
  readonly #options: PumpOptions;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** Resolves when the stream ended; rejects if the feed failed. */
  async next(): Promise<IteratorResult<never, undefined>> {
    this.#running ??= this.#run();
    await this.#running;
    return DONE;
  }

  /** Nothing is written after this returns, not even what is being resolved. */
  async return(): Promise<IteratorResult<never, undefined>> {
    this.#closed = true;
    await this.#options.stream.return();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #run(): Promise<void> {
    const { stream, selection } = this.#options;
    const audience = selection.join(stream.runId);
    try {
      for (;;) {
        const events = await stream.feed.next();
        if (events === undefined || !(await this.#writeAll(events, audience))) return;
      }
    } finally {
      selection.leave(audience);
      await stream.return();
    }
  }

  /** False: the consumer is gone. */
  async #writeAll(events: readonly RunEvent[], audience: Audience): Promise<boolean> {
    const { sink } = this.#options;
    for (const event of events) {
      if (this.#closed) return false;
      const payload = audience.payload(event) ?? (await this.#resolve(event));
      if (this.#closed) return false;
      sink.write(payload);
      if (sink.full && !(await sink.drained())) return false;
    }
    return true;
  }

  /** The ordinary way, for events whose selected fields have resolvers. */
  async #resolve(event: RunEvent): Promise<string> {
    const { stream, args, print } = this.#options;
    const cursor = stream.cursorPrefix + cursorSuffix(event.sequence);
    return print(await execute({ ...args, rootValue: { ...event, runId: stream.runId, cursor } }));
  }
}
