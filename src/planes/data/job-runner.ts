import type { ErrorInfo } from '../../domain/errors.ts';
import { DomainError } from '../../domain/errors.ts';
import { isLastAttempt } from '../../domain/job-attempts.ts';
import type { ClaimedJob, JobQueue } from '../../domain/ports/documents.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import { describeError, toErrorInfo } from './error-info.ts';
import { Ingestion, type IngestionDeps, type IngestJob } from './ingestion.ts';
import { StageTracker } from './stage-tracker.ts';

export interface JobRunnerDeps extends IngestionDeps {
  readonly jobs: JobQueue;
}

/** The leases of these stores run 20 s. */
const HEARTBEAT_MS = 5_000;
const JOB_TIMEOUT_MS = 30 * 60_000;

/** Another claimant has the job: whatever happens here no longer matters. */
class LeaseLost extends Error {}

/** One claimed job from claim to end: keeps its lease, and tells queue and document how it went. */
export class JobRunner {
  readonly #deps: JobRunnerDeps;
  readonly #ingestion: Ingestion;

  constructor(deps: JobRunnerDeps) {
    this.#deps = deps;
    this.#ingestion = new Ingestion(deps);
  }

  /** Never rejects. What cannot even be reported comes back when the lease runs out. */
  async run(claimed: ClaimedJob, stop: AbortSignal): Promise<void> {
    const { clock, jobs, log } = this.#deps;
    const work = new AbortController();
    const signal = AbortSignal.any([stop, work.signal]);
    const startedAt = clock.now();
    const fields = { job: claimed.job.kind, documentId: claimed.job.documentId, attempt: claimed.attempt };
    const finished = new AbortController();
    const stages = new StageTracker(claimed.stage);
    void this.#keepLease(claimed, stages, work, finished.signal);
    try {
      await this.#perform(claimed, stages, signal);
      await jobs.complete(SYSTEM_SCOPE, claimed);
      log.info({ ...fields, durationMs: clock.now() - startedAt }, 'job done');
    } catch (error) {
      const reason = signal.aborted ? signal.reason : error;
      log.warn({ ...fields, reason: describeError(reason) }, 'job failed');
      if (!(reason instanceof LeaseLost))
        await this.#fail(claimed, stages, reason).catch((failure) => this.#logLost(failure, fields));
    } finally {
      finished.abort();
    }
  }

  async #perform({ job }: ClaimedJob, stages: StageTracker, signal: AbortSignal): Promise<void> {
    if (job.kind === 'purge') await this.#ingestion.purge(job);
    else await this.#ingestion.run(job, stages, signal);
  }

  /** The document is told first: a job that is reported dead is never looked at again. */
  async #fail(claimed: ClaimedJob, { furthest: stage }: StageTracker, reason: unknown): Promise<void> {
    const { jobs } = this.#deps;
    const { job } = claimed;
    const error = toErrorInfo(reason);
    const isFinal = isLastAttempt(claimed, stage) || !error.retryable;
    if (isFinal && job.kind === 'ingest') await this.#failDocument(job, error);
    await jobs.fail(SYSTEM_SCOPE, claimed, { error, stage });
  }

  async #failDocument(job: IngestJob, error: ErrorInfo): Promise<void> {
    const { documents, progress, clock } = this.#deps;
    const { scope, documentId, version } = job;
    const isNewest = await documents.setStatus(scope, documentId, {
      version,
      status: 'FAILED',
      error,
      now: clock.now(),
    });
    if (!isNewest) return;
    const { message } = error;
    await progress.append(scope, documentId, {
      version,
      stage: 'failed',
      status: 'FAILED',
      progress: 1,
      message,
    });
  }

  /** A heartbeat that fails says nothing about the lease; the next one will. */
  async #keepLease(
    claimed: ClaimedJob,
    stages: StageTracker,
    work: AbortController,
    finished: AbortSignal,
  ): Promise<void> {
    const { clock, jobs, log } = this.#deps;
    const deadline = clock.now() + JOB_TIMEOUT_MS;
    while (!finished.aborted && !work.signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, finished).catch(() => undefined);
      if (finished.aborted) return;
      if (clock.now() >= deadline)
        work.abort(new DomainError('DEADLINE_EXCEEDED', 'The document took too long.'));
      try {
        if (!(await jobs.heartbeat(SYSTEM_SCOPE, claimed, stages.furthest))) work.abort(new LeaseLost());
      } catch (error) {
        log.warn({ jobId: claimed.id, reason: describeError(error) }, 'heartbeat failed');
      }
    }
  }

  #logLost(error: unknown, fields: Readonly<Record<string, unknown>>): void {
    this.#deps.log.error({ ...fields, reason: describeError(error) }, 'job could not be reported');
  }
}
