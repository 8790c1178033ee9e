import { DomainError } from '../../domain/errors.ts';
import { TaskFailure } from '../../domain/ports/tasks.ts';
import { ModelProcess, type ModelProcessOptions } from './model-process.ts';

const QUEUE_LENGTH_MAX = 256;
const BATCH_TIMEOUT_MS = 120_000;
/** A batch that took its process down is tried on a new one, once: the second time it is the batch. */
const ATTEMPTS_MAX = 2;

interface WaitingBatch {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly resolve: (values: Float32Array) => void;
  readonly reject: (reason: unknown) => void;
}

/** Feeds one model process, questions before documents, and replaces the process when it dies. */
export class ModelRunner {
  readonly #options: ModelProcessOptions;
  readonly #urgent: WaitingBatch[] = [];
  readonly #patient: WaitingBatch[] = [];
  #process: ModelProcess;
  #pumping = false;
  #closed = false;

  private constructor(options: ModelProcessOptions, child: ModelProcess) {
    this.#options = options;
    this.#process = child;
  }

  /** Throws ModelFolderError if the model cannot be loaded. */
  static async start(options: ModelProcessOptions): Promise<ModelRunner> {
    return new ModelRunner(options, await ModelProcess.start(options));
  }

  /**
   * Unit vectors one after another. An abort rejects at once; a batch that the model has begun is finished there, and
   * its result dropped. Throws RATE_LIMITED when too many wait, MODEL_FAILED when the model fails.
   */
  embed(texts: readonly string[], urgent: boolean, signal: AbortSignal): Promise<Float32Array> {
    signal.throwIfAborted();
    if (this.#closed) throw new DomainError('SHUTTING_DOWN', 'The embedding model is closed.');
    const queue = urgent ? this.#urgent : this.#patient;
    if (queue.length >= QUEUE_LENGTH_MAX) {
      throw new DomainError('RATE_LIMITED', 'Too many texts wait for the embedding model.');
    }
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>();
    const batch: WaitingBatch = { texts, signal, resolve, reject };
    const onAbort = (): void => {
      const place = queue.indexOf(batch);
      if (place >= 0) queue.splice(place, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    queue.push(batch);
    void this.#pump();
    return promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** Of the process that computes at this moment. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ends the process; what runs or waits is rejected with SHUTTING_DOWN. */
  close(): void {
    this.#closed = true;
    for (const batch of [...this.#urgent.splice(0), ...this.#patient.splice(0)]) batch.reject(closing());
    this.#process.close();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) await this.#perform(batch);
    this.#pumping = false;
  }

  #next(): WaitingBatch | undefined {
    return this.#urgent.shift() ?? this.#patient.shift();
  }

  async #perform({ texts, resolve, reject }: WaitingBatch): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (!this.#process.alive) this.#process = await ModelProcess.start(this.#options);
        resolve(await this.#process.embed(texts, BATCH_TIMEOUT_MS));
        return;
      } catch (error) {
        const died = error instanceof TaskFailure && error.reason === 'crashed';
        if (died && !this.#closed && attempt < ATTEMPTS_MAX) continue;
        reject(this.#closed ? closing() : failure(error));
        return;
      }
    }
  }
}

function closing(): DomainError {
  return new DomainError('SHUTTING_DOWN', 'The embedding model is closed.');
}

function failure(cause: unknown): DomainError {
  if (cause instanceof TaskFailure && cause.reason === 'timeout') {
    return new DomainError('DEADLINE_EXCEEDED', 'The embedding model took too long.', { cause });
  }
  return new DomainError('MODEL_FAILED', 'The embedding model failed.', { cause, retryable: true });
}
