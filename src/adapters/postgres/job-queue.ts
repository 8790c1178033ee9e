import { z } from 'zod';
import { INGESTION_STAGES, type IngestionStage } from '../../domain/document.ts';
import type { ErrorInfo } from '../../domain/errors.ts';
import { trustedId } from '../../domain/ids.ts';
import { isLastAttempt, STAGE_ATTEMPTS_MAX, stageAttemptAt } from '../../domain/job-attempts.ts';
import type { ClaimedJob, JobQueue } from '../../domain/ports/documents.ts';
import type { Clock, Log, Unsubscribe } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { BURY_LOST, CLAIM, COMPLETE, COUNTS, FAIL, HEARTBEAT, RECOVER } from './job-statements.ts';
import { CHANNELS, type PostgresListener } from './listener.ts';

/** A claimant that does not extend its claim for this long has lost it. */
export const JOB_LEASE_MS = 20_000;
const BACKOFF_MIN_MS = 2_000;
export const JOB_BACKOFF_MAX_MS = 60_000;
/** Finds what no notification tells: back-offs and leases that ran out. */
const OWN_CLOCK_MS = 5_000;
const WORKER_LOST: ErrorInfo = {
  code: 'WORKER_LOST',
  message: 'The worker disappeared at every attempt.',
  retryable: false,
};

const claimedRow = z.object({
  id: z.int(),
  kind: z.enum(['ingest', 'purge']),
  workspaceId: z.string(),
  documentId: z.string(),
  version: z.int().nullable(),
  attempt: z.int(),
  stage: z.enum(INGESTION_STAGES),
  stageAttempt: z.int(),
});
const failedRow = z.array(z.object({ state: z.enum(['queued', 'dead']) }));
const countsRow = z.tuple([z.object({ queued: z.int(), active: z.int(), dead: z.int() })]);

/**
 * The table `jobs` as a queue. `attempt` is the fencing number of a claim: what an older claimant says is ignored.
 * docs/decisions tells why this is not pg-boss.
 */
export class PostgresJobQueue implements JobQueue {
  readonly #database: Database;
  readonly #listener: PostgresListener;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wakes = new Set<() => void>();
  readonly #closing = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(
    database: Database,
    deps: { readonly listener: PostgresListener; readonly clock: Clock; readonly log: Log },
  ) {
    this.#database = database;
    this.#listener = deps.listener;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  async claim(_scope: SystemScope, limit: number): Promise<readonly ClaimedJob[]> {
    const now = this.#clock.now();
    const values = [new Date(now), new Date(now + JOB_LEASE_MS), limit, STAGE_ATTEMPTS_MAX];
    return (await this.#database.query(CLAIM, values)).map(toClaimed);
  }

  async heartbeat(_scope: SystemScope, { id, attempt }: ClaimedJob, stage: IngestionStage): Promise<boolean> {
    const values = [id, attempt, new Date(this.#clock.now() + JOB_LEASE_MS), stage];
    return (await this.#database.query(HEARTBEAT, values)).length === 1;
  }

  async complete(_scope: SystemScope, { id, attempt }: ClaimedJob): Promise<void> {
    await this.#database.query(COMPLETE, [id, attempt]);
  }

  async fail(
    _scope: SystemScope,
    claimed: ClaimedJob,
    { error, stage }: { readonly error: ErrorInfo; readonly stage: IngestionStage },
  ): Promise<'retry' | 'dead'> {
    const { id, attempt } = claimed;
    const dead = isLastAttempt(claimed, stage) || !error.retryable;
    const dueAt = this.#clock.now() + (dead ? 0 : backoffMs(stageAttemptAt(claimed, stage)));
    const values = [id, attempt, dead ? 'dead' : 'queued', new Date(dueAt), JSON.stringify(error), stage];
    const [row] = failedRow.parse(await this.#database.query(FAIL, values));
    // Nothing changed: the claim was lost and the job is another's, so it is not over.
    return row?.state === 'dead' ? 'dead' : 'retry';
  }

  onAvailable(wake: () => void): Unsubscribe {
    const attachment = () => wake();
    this.#wakes.add(attachment);
    const detach = this.#listener.attach(CHANNELS.jobs, '', attachment);
    this.#loop ??= this.#tick();
    return () => {
      this.#wakes.delete(attachment);
      detach();
    };
  }

  async counts(
    _scope: SystemScope,
  ): Promise<{ readonly queued: number; readonly active: number; readonly dead: number }> {
    return countsRow.parse(await this.#database.query(COUNTS, []))[0];
  }

  /**
   * Makes every claimed job available at once. Only for a process that knows that no other worker is alive (it holds
   * the lock of the data folder); what an old claimant still does is fenced out by the next claim.
   */
  async recover(_scope: SystemScope): Promise<void> {
    await this.#database.query(RECOVER, [new Date(this.#clock.now())]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wakes.clear();
    await this.#loop;
  }

  async #tick(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(OWN_CLOCK_MS, signal);
        if (this.#wakes.size === 0) continue;
        await this.#buryLost();
      } catch (error) {
        if (!signal.aborted) this.#log.warn({ reason: String(error) }, 'job queue maintenance failed');
      }
      for (const wake of [...this.#wakes]) wake();
    }
  }

  /** A job whose last claimant died is over; its document must not stay "processing" for ever. */
  async #buryLost(): Promise<void> {
    const now = new Date(this.#clock.now());
    await this.#database.query(BURY_LOST, [now, STAGE_ATTEMPTS_MAX, JSON.stringify(WORKER_LOST)]);
  }
}

function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MIN_MS * 2 ** (attempt - 1), JOB_BACKOFF_MAX_MS);
}

function toClaimed(stored: unknown): ClaimedJob {
  const row = claimedRow.parse(stored);
  const target = {
    scope: { workspaceId: trustedId('wsp', row.workspaceId) },
    documentId: trustedId('doc', row.documentId),
  };
  return {
    id: String(row.id),
    attempt: row.attempt,
    stage: row.stage,
    stageAttempt: row.stageAttempt,
    job:
      row.kind === 'ingest'
        ? { kind: row.kind, ...target, version: z.int().parse(row.version) }
        : { kind: row.kind, ...target },
  };
}
