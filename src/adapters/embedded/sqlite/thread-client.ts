import { Worker } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import { fromWire } from '../../worker/messages.ts';
import type { Operations, ThreadReply } from './thread-messages.ts';

/** Calls that wait for the thread; one more is refused, so that a stuck disk cannot fill the memory. */
const CALLS_MAX = 4_096;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * A thread that owns one connection to a database, so that neither a sync to disk nor a scan stops the event loop.
 * Started by the first call; one that died is replaced by the next call. Calls are answered in order.
 */
export class ThreadClient<Api extends Operations> {
  readonly #entry: URL;
  readonly #data: unknown;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 0;
  #closed = false;
  #onIdle = (): void => undefined;

  /** `entry`: the module that calls `serveThread`; it finds `data` as `workerData`. */
  constructor(entry: URL, data: unknown) {
    this.#entry = entry;
    this.#data = data;
  }

  call<Name extends keyof Api & string>(
    operation: Name,
    input: Parameters<Api[Name]>[0],
  ): Promise<ReturnType<Api[Name]>> {
    if (this.#closed) return Promise.reject(new DomainError('SHUTTING_DOWN', 'The store is closed.'));
    if (this.#waiting.size >= CALLS_MAX) {
      return Promise.reject(new DomainError('STORE_UNAVAILABLE', 'Too many calls wait for the store.'));
    }
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      // The one place where a thread's answer gets its type: both sides share the type of the operations.
      this.#waiting.set(id, { resolve: (value) => resolve(value as ReturnType<Api[Name]>), reject });
      if (this.#waiting.size === 1) worker.ref();
      worker.postMessage({ id, operation, input });
    });
  }

  /** Waits for what is under way, then ends the thread. Later calls throw SHUTTING_DOWN. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    if (this.#waiting.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await promise;
    }
    await worker.terminate();
  }

  #start(): Worker {
    // No settings and no secrets reach the thread.
    const worker = new Worker(this.#entry, { workerData: this.#data, env: {} });
    worker.on('message', (reply: ThreadReply) => this.#settle(reply));
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, undefined));
    // At rest it must not keep the process alive.
    worker.unref();
    return worker;
  }

  #settle(reply: ThreadReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) {
      this.#worker?.unref();
      this.#onIdle();
    }
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(fromWire(reply.error));
  }

  #fail(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const error = new DomainError('STORE_UNAVAILABLE', 'The thread of the store ended.', { cause });
    for (const waiting of this.#waiting.values())
      waiting.reject(cause instanceof DomainError ? cause : error);
    this.#waiting.clear();
    this.#onIdle();
  }
}
