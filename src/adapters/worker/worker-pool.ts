import { TaskFailure, type TaskModule, type TaskOptions, type TaskRunner } from '../../domain/ports/tasks.ts';
import type { TaskRequest } from './messages.ts';
import { TaskProcess } from './task-process.ts';
import type { TaskSeat } from './task-seat.ts';
import { TaskThread } from './task-thread.ts';

const HEAP_MEGABYTES = 512;
const QUEUE_LENGTH_MAX = 64;

export interface WorkerPoolOptions {
  /** Started when first needed, kept afterwards. */
  readonly threadCount: number;
  /** Tasks waiting for a thread; one more is refused with TaskFailure queue-full. */
  readonly queueLengthMax?: number | undefined;
  /** Of JavaScript objects in one thread. */
  readonly heapMegabytes?: number | undefined;
  /** `process`: each thread in a process of its own, whose whole memory is bounded too. Default: `thread`. */
  readonly isolation?: 'thread' | 'process' | undefined;
}

interface WaitingTask {
  readonly request: TaskRequest;
  readonly options: TaskOptions;
  /** Hands the task to a thread; settles the caller's promise with what becomes of it. */
  begin(outcome: Promise<unknown>): void;
}

/**
 * A few threads, one task at a time each. A task that overruns its time, is aborted, or kills its thread costs exactly
 * that thread, which is replaced; no other task notices.
 */
export class WorkerPool implements TaskRunner {
  readonly #waiting: WaitingTask[] = [];
  readonly #idle: TaskSeat[] = [];
  readonly #threads = new Set<TaskSeat>();
  readonly #threadCount: number;
  readonly #queueLengthMax: number;
  readonly #heapMegabytes: number;
  readonly #Seat: typeof TaskThread | typeof TaskProcess;
  readonly #closing = new AbortController();

  constructor({ threadCount, queueLengthMax, heapMegabytes, isolation }: WorkerPoolOptions) {
    this.#threadCount = threadCount;
    this.#queueLengthMax = queueLengthMax ?? QUEUE_LENGTH_MAX;
    this.#heapMegabytes = heapMegabytes ?? HEAP_MEGABYTES;
    this.#Seat = isolation === 'process' ? TaskProcess : TaskThread;
  }

  async run<Input, Output>(
    module: TaskModule<Input, Output>,
    input: Input,
    options: TaskOptions,
  ): Promise<Awaited<Output>> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    signal.throwIfAborted();
    if (this.#waiting.length >= this.#queueLengthMax) {
      throw new TaskFailure('queue-full', 'too many tasks wait for a worker thread');
    }
    const value = await this.#enqueue({ url: module.url, input }, { ...options, signal });
    // The one place where a thread's answer gets its type: module and caller are built together.
    return value as Awaited<Output>;
  }

  /** Ends all threads; what runs or waits is rejected with TaskFailure closed. */
  async close(): Promise<void> {
    this.#closing.abort(new TaskFailure('closed', 'the worker pool is closed'));
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }

  #enqueue(request: TaskRequest, options: TaskOptions): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(task), 1);
      reject(options.signal.reason);
    };
    const task: WaitingTask = {
      request,
      options,
      begin: (outcome) => {
        options.signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      },
    };
    options.signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(task);
    this.#dispatch();
    return promise;
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idle.pop() ?? this.#start();
      const task = thread && this.#waiting.shift();
      if (thread === undefined || task === undefined) return;
      task.begin(this.#perform(thread, task));
    }
  }

  async #perform(thread: TaskSeat, { request, options }: WaitingTask): Promise<unknown> {
    try {
      return await thread.perform(request, options);
    } finally {
      if (thread.alive) this.#idle.push(thread);
      this.#dispatch();
    }
  }

  #start(): TaskSeat | undefined {
    if (this.#closing.signal.aborted || this.#threads.size >= this.#threadCount) return undefined;
    const thread = new this.#Seat(this.#heapMegabytes, (ended: TaskSeat) => {
      this.#threads.delete(ended);
      const place = this.#idle.indexOf(ended);
      if (place >= 0) this.#idle.splice(place, 1);
      this.#dispatch();
    });
    this.#threads.add(thread);
    return thread;
  }
}
