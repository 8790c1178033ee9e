import { Worker } from 'node:worker_threads';
import { TaskFailure, type TaskFailureReason, type TaskOptions } from '../../domain/ports/tasks.ts';
import { fromWire, type TaskReply, type TaskRequest } from './messages.ts';
import type { TaskSeat } from './task-seat.ts';

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);

/** One thread that performs one task at a time, and ends with a task that has to be stopped. */
export class TaskThread implements TaskSeat {
  readonly #worker: Worker;
  #alive = true;

  /** `heapMegabytes`: of JavaScript objects. V8 does not count buffers: tasks bound those themselves. */
  constructor(heapMegabytes: number, onExit: (thread: TaskThread) => void) {
    this.#worker = new Worker(ENTRY, {
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      // Parsers of foreign files see no settings and no secrets.
      env: {},
      // They also warn about every odd file; what matters comes back as an error.
      stdout: true,
      stderr: true,
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    // At rest it must not keep the process alive.
    this.#worker.unref();
    this.#worker.on('error', () => undefined);
    this.#worker.once('exit', () => {
      this.#alive = false;
      onExit(this);
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  perform(request: TaskRequest, { signal, timeoutMs }: TaskOptions): Promise<unknown> {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      let crash: Error | undefined;
      let stopped: unknown;
      const stop = (why: unknown): void => {
        stopped ??= why;
        this.#alive = false;
        void worker.terminate();
      };
      const timer = setTimeout(() => stop(overrun(timeoutMs)), timeoutMs);
      const onAbort = (): void => stop(signal.reason);
      const onError = (error: Error): void => {
        crash = error;
      };
      const onMessage = (reply: TaskReply): void => {
        // An answer that crossed with the order to stop: the thread is going, so its exit settles the task.
        if (stopped !== undefined) return;
        release();
        if (reply.ok) resolve(reply.value);
        else reject(fromWire(reply.error));
      };
      const onExit = (): void => {
        release();
        reject(stopped ?? crashed(crash));
      };
      const release = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit).unref();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      worker.on('message', onMessage).on('error', onError).on('exit', onExit).ref();
      worker.postMessage(request);
    });
  }

  async terminate(): Promise<void> {
    this.#alive = false;
    await this.#worker.terminate();
  }
}

function overrun(timeoutMs: number): TaskFailure {
  return new TaskFailure('timeout', `the task took longer than ${timeoutMs} ms`);
}

function crashed(cause: Error | undefined): TaskFailure {
  const outOfMemory = cause !== undefined && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  const reason: TaskFailureReason = outOfMemory ? 'out-of-memory' : 'crashed';
  const message = outOfMemory
    ? 'the task needed more memory than it may have'
    : 'the worker thread ended in the middle of the task';
  return new TaskFailure(reason, message, cause);
}
