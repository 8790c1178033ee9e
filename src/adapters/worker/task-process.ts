import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TaskFailure, type TaskOptions } from '../../domain/ports/tasks.ts';
import { fromWire, type HostReply, type HostRequest, type TaskRequest } from './messages.ts';
import { EXIT_OUT_OF_MEMORY } from './process-host-exit.ts';
import type { TaskSeat } from './task-seat.ts';

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './process-host.ts' : './process-host.js',
  import.meta.url,
);
/** For the copies of the largest upload on its way, and for Node.js itself. */
const OVERHEAD_MEGABYTES = 512;

/**
 * A worker thread in a process of its own, for parsers of foreign files. V8 ends the whole process when a thread's heap
 * overflows faster than it can be stopped, and counts no buffers: four kilobytes of PDF can do both. Here that costs the
 * file and nothing else.
 */
export class TaskProcess implements TaskSeat {
  readonly #child: ChildProcess;
  readonly #onExit: (seat: TaskSeat) => void;
  #alive = true;

  constructor(heapMegabytes: number, onExit: (seat: TaskSeat) => void) {
    this.#onExit = onExit;
    const limits = [heapMegabytes, heapMegabytes + OVERHEAD_MEGABYTES].map(String);
    this.#child = fork(fileURLToPath(ENTRY), limits, {
      execArgv: [],
      serialization: 'advanced',
      // Parsers of foreign files see no settings and no secrets.
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('error', () => this.#end());
    this.#child.once('exit', () => this.#end());
    this.#hold(false);
  }

  get alive(): boolean {
    return this.#alive;
  }

  perform(request: TaskRequest, { signal, timeoutMs }: TaskOptions): Promise<unknown> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      let stopped: unknown;
      const stop = (why: unknown): void => {
        stopped ??= why;
        this.#alive = false;
        child.kill('SIGKILL');
      };
      const timer = setTimeout(
        () => stop(new TaskFailure('timeout', `the task took longer than ${timeoutMs} ms`)),
        timeoutMs,
      );
      const onAbort = (): void => stop(signal.reason);
      const onMessage = (reply: HostReply): void => {
        if (stopped !== undefined) return;
        release();
        if (reply.last) void this.terminate();
        if (reply.kind === 'value') resolve(reply.value);
        else if (reply.kind === 'error') reject(fromWire(reply.error));
        else reject(new TaskFailure(reply.reason, reply.message));
      };
      const onExit = (code: number | null, exitSignal: NodeJS.Signals | null): void => {
        release();
        reject(stopped ?? crashed(code, exitSignal));
      };
      const release = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        child.off('message', onMessage).off('exit', onExit);
        this.#hold(false);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      child.on('message', onMessage).on('exit', onExit);
      this.#hold(true);
      const message: HostRequest = { ...request, timeoutMs };
      // A child that is gone already is reported by its exit.
      child.send(message, () => undefined);
    });
  }

  async terminate(): Promise<void> {
    this.#alive = false;
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }

  #end(): void {
    this.#alive = false;
    this.#onExit(this);
  }

  /** At rest it must not keep this process alive. */
  #hold(isBusy: boolean): void {
    const { channel } = this.#child;
    if (isBusy) {
      this.#child.ref();
      channel?.ref();
    } else {
      this.#child.unref();
      channel?.unref();
    }
  }
}

function crashed(code: number | null, signal: NodeJS.Signals | null): TaskFailure {
  // V8 aborts when a heap overflows; Linux kills when its own memory does.
  return code === EXIT_OUT_OF_MEMORY || signal === 'SIGABRT' || signal === 'SIGTRAP'
    ? new TaskFailure('out-of-memory', 'the task needed more memory than it may have')
    : new TaskFailure('crashed', 'the worker process ended in the middle of the task');
}
