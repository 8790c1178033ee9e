import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TaskFailure } from '../../domain/ports/tasks.ts';
import { type ModelDescription, ModelFolderError } from './model-description.ts';
import type { ProcessReply, ProcessRequest } from './process-messages.ts';

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './inference-process.ts' : './inference-process.js',
  import.meta.url,
);
const LOAD_TIMEOUT_MS = 120_000;

export interface ModelProcessOptions {
  readonly model: ModelDescription;
  /** Cores for one batch; 0: all. */
  readonly threadCount: number;
}

interface Waiter {
  resolve(reply: ProcessReply): void;
  reject(error: unknown): void;
}

/**
 * One loaded model in a process of its own: native code that crashes there, or has to be stopped in the middle, takes
 * nothing else with it. A worker thread would: terminating one inside ONNX Runtime aborts the whole process. It
 * computes one batch at a time; the caller waits before the next.
 */
export class ModelProcess {
  readonly #child: ChildProcess;
  #waiter: Waiter | undefined;
  #alive = true;

  private constructor() {
    // It sees no settings and no secrets, and what its libraries print is of no use to anybody.
    this.#child = fork(fileURLToPath(ENTRY), {
      serialization: 'advanced',
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#rest();
    this.#child.on('message', (reply: ProcessReply) => this.#settle((waiter) => waiter.resolve(reply)));
    this.#child.on('error', (error) =>
      this.#end(new TaskFailure('crashed', 'the model process failed', error)),
    );
    this.#child.on('exit', () => this.#end(new TaskFailure('crashed', 'the model process ended')));
  }

  /** Resolves when the model is loaded. Throws ModelFolderError if it cannot be, TaskFailure if the process died. */
  static async start({ model, threadCount }: ModelProcessOptions): Promise<ModelProcess> {
    const started = new ModelProcess();
    const reply = await started.#ask({ kind: 'load', model, threadCount }, LOAD_TIMEOUT_MS);
    if (reply.kind === 'ready') return started;
    started.close();
    if (reply.kind === 'unusable' && reply.absent) {
      throw new ModelFolderError('the optional package @huggingface/transformers is not installed');
    }
    const reason = 'message' in reply ? reply.message : reply.kind;
    throw new ModelFolderError(`${model.folder} cannot be loaded: ${reason.split('\n')[0]}`);
  }

  get alive(): boolean {
    return this.#alive;
  }
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Throws TaskFailure if the process died or overran; then it is of no more use. */
  async embed(texts: readonly string[], timeoutMs: number): Promise<Float32Array> {
    const reply = await this.#ask({ kind: 'embed', texts }, timeoutMs);
    if (reply.kind === 'vectors') return reply.values;
    throw new Error('message' in reply ? reply.message : 'the model process gave no vectors');
  }

  /** It holds nothing that has to be put away. */
  close(): void {
    this.#end(new TaskFailure('closed', 'the model is closed'));
    this.#child.kill('SIGKILL');
  }

  /** Keeps our process alive meanwhile: somebody waits for the answer. */
  async #ask(request: ProcessRequest, timeoutMs: number): Promise<ProcessReply> {
    if (!this.#alive) throw new TaskFailure('crashed', 'the model process ended');
    const { promise, resolve, reject } = Promise.withResolvers<ProcessReply>();
    const timer = setTimeout(() => {
      this.#end(new TaskFailure('timeout', `the model took longer than ${timeoutMs} ms`));
      this.#child.kill('SIGKILL');
    }, timeoutMs);
    this.#waiter = { resolve, reject };
    this.#child.ref();
    this.#child.channel?.ref();
    this.#child.send(request, () => undefined);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#rest();
    }
  }

  /** At rest it must not keep our process alive. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #end(why: TaskFailure): void {
    this.#alive = false;
    this.#settle((waiter) => waiter.reject(why));
  }

  #settle(how: (waiter: Waiter) => void): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) how(waiter);
  }
}
