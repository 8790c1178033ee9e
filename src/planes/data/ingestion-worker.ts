import { DomainError } from '../../domain/errors.ts';
import type { UploadRepository } from '../../domain/ports/documents.ts';
import type { Unsubscribe } from '../../domain/ports/system.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import { partsKey, uploadKey } from './blob-keys.ts';
import { describeError } from './error-info.ts';
import { JobRunner, type JobRunnerDeps } from './job-runner.ts';

export interface IngestionWorkerDeps extends JobRunnerDeps {
  readonly uploads: UploadRepository;
}
export interface IngestionWorkerOptions {
  /** Jobs at once. */
  readonly concurrencyMax: number;
  /** How long a stop waits for running jobs before it hands them back. */
  readonly drainTimeoutMs?: number;
}

const DRAIN_TIMEOUT_MS = 5_000;
const REAP_INTERVAL_MS = 60_000;
const REAP_COUNT_MAX = 100;

/**
 * Takes jobs from the queue while there is room, a bounded number at once; between them, removes uploads that nobody
 * ingested. Any number of workers may run, in any number of processes.
 */
export class IngestionWorker {
  readonly #deps: IngestionWorkerDeps;
  readonly #runner: JobRunner;
  readonly #concurrencyMax: number;
  readonly #drainTimeoutMs: number;
  readonly #running = new Set<Promise<void>>();
  /** Ends claiming; running jobs go on. */
  readonly #closing = new AbortController();
  /** Ends running jobs too. */
  readonly #stop = new AbortController();
  #unsubscribe: Unsubscribe | undefined;
  #claiming: Promise<void> | undefined;
  #claimAgain = false;

  constructor(deps: IngestionWorkerDeps, options: IngestionWorkerOptions) {
    this.#deps = deps;
    this.#runner = new JobRunner(deps);
    this.#concurrencyMax = options.concurrencyMax;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
  }

  start(): void {
    this.#unsubscribe = this.#deps.jobs.onAvailable(() => this.#wake());
    void this.#reapRegularly();
    this.#wake();
  }

  /** Resolves when no job of this worker runs. Jobs that do not end in time are handed back to the queue. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#unsubscribe?.();
    await this.#claiming;
    const drained = Promise.all(this.#running);
    const timeout = new AbortController();
    const expired = this.#deps.clock.sleep(this.#drainTimeoutMs, timeout.signal).catch(() => undefined);
    await Promise.race([drained, expired]);
    timeout.abort();
    this.#stop.abort(new DomainError('SHUTTING_DOWN', 'The worker is stopping.'));
    await Promise.all(this.#running);
  }

  /** One claim at a time; a call that comes meanwhile makes it look once more. */
  #wake(): void {
    this.#claimAgain = true;
    this.#claiming ??= this.#claim().finally(() => {
      this.#claiming = undefined;
      // Woken between the last look and here.
      if (this.#claimAgain && !this.#closing.signal.aborted) this.#wake();
    });
  }

  async #claim(): Promise<void> {
    while (this.#claimAgain && !this.#closing.signal.aborted) {
      this.#claimAgain = false;
      const room = this.#concurrencyMax - this.#running.size;
      if (room <= 0) return;
      try {
        const claimed = await this.#deps.jobs.claim(SYSTEM_SCOPE, room);
        for (const job of claimed) this.#track(this.#runner.run(job, this.#stop.signal));
      } catch (error) {
        // The queue's own clock wakes us again.
        this.#deps.log.warn({ reason: describeError(error) }, 'jobs could not be claimed');
      }
    }
  }

  /** Room for one more when it ends. */
  #track(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => {
      this.#running.delete(work);
      this.#wake();
    });
  }

  async #reapRegularly(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#reap().catch((error) =>
        log.warn({ reason: describeError(error) }, 'uploads could not be reaped'),
      );
      await clock.sleep(REAP_INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  async #reap(): Promise<void> {
    const { uploads, blobs, clock } = this.#deps;
    const expired = await uploads.reap(SYSTEM_SCOPE, clock.now(), REAP_COUNT_MAX);
    for (const { scope, id } of expired) {
      await blobs.remove(scope, uploadKey(id));
      await blobs.remove(scope, partsKey(id));
    }
  }
}
