import type { IngestionStage } from '../../domain/document.ts';
import type { ErrorInfo } from '../../domain/errors.ts';
import type { WorkspaceId } from '../../domain/ids.ts';
import { isLastAttempt, STAGE_ATTEMPTS_MAX, stageAttemptAt } from '../../domain/job-attempts.ts';
import type { ClaimedJob, Job, JobQueue } from '../../domain/ports/documents.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { JobRow, MemoryDatabase } from './memory-database.ts';

/** A claimant that does not extend its claim for this long has lost it. */
export const JOB_LEASE_MS = 20_000;
const BACKOFF_MIN_MS = 2_000;
const BACKOFF_MAX_MS = 60_000;
/** Finds what no notification tells: back-offs and leases that ran out. */
const OWN_CLOCK_MS = 5_000;
const WORKER_LOST: ErrorInfo = {
  code: 'WORKER_LOST',
  message: 'The worker disappeared at every attempt.',
  retryable: false,
};

export class MemoryJobQueue implements JobQueue {
  readonly #database: MemoryDatabase;
  readonly #clock: Clock;

  constructor(database: MemoryDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async claim(_scope: SystemScope, limit: number): Promise<readonly ClaimedJob[]> {
    const now = this.#clock.now();
    const due = this.#candidates(now)
      .sort(({ row: left, ...a }, { row: right, ...b }) => {
        return a.place - b.place || a.turn - b.turn || left.dueAt - right.dueAt || byId(left, right);
      })
      .slice(0, limit);
    const claimed = due.map(({ row }) => this.#lease(row, now));
    const { jobTurns } = this.#database;
    const turn = Math.max(0, ...jobTurns.values()) + 1;
    for (const { job } of claimed) jobTurns.set(job.scope.workspaceId, turn);
    return claimed;
  }

  async heartbeat(_scope: SystemScope, claimed: ClaimedJob, stage: IngestionStage): Promise<boolean> {
    const row = this.#findHeld(claimed);
    if (row === undefined) return false;
    this.#put({ ...atStage(row, stage), dueAt: this.#clock.now() + JOB_LEASE_MS });
    return true;
  }

  async complete(_scope: SystemScope, claimed: ClaimedJob): Promise<void> {
    if (this.#findHeld(claimed) !== undefined) this.#database.jobs.delete(claimed.id);
  }

  async fail(
    _scope: SystemScope,
    claimed: ClaimedJob,
    { error, stage }: { readonly error: ErrorInfo; readonly stage: IngestionStage },
  ): Promise<'retry' | 'dead'> {
    const held = this.#findHeld(claimed);
    // Lost to another claimant, who goes on with it: this failure says nothing about the job any more.
    if (held === undefined) return 'retry';
    const row = atStage(held, stage);
    const now = this.#clock.now();
    const isFinal = isLastAttempt(claimed, stage) || !error.retryable;
    if (isFinal) this.#put({ ...row, state: 'dead', dueAt: now, error });
    else
      this.#put({ ...row, state: 'queued', dueAt: now + backoffMs(stageAttemptAt(claimed, stage)), error });
    return isFinal ? 'dead' : 'retry';
  }

  onAvailable(wake: () => void): Unsubscribe {
    const stopped = new AbortController();
    const unlisten = this.#database.notifications.listen('jobs', wake);
    void this.#wakeRegularly(wake, stopped.signal);
    return () => {
      unlisten();
      stopped.abort();
    };
  }

  async counts(
    _scope: SystemScope,
  ): Promise<{ readonly queued: number; readonly active: number; readonly dead: number }> {
    const counts = { queued: 0, active: 0, dead: 0 };
    for (const { state } of this.#database.jobs.values()) counts[state] += 1;
    return counts;
  }

  /** What was lost by its claimant stands before all; the rest at the place that it has in its workspace's turns. */
  #candidates(now: number): { row: JobRow; place: number; turn: number }[] {
    const rows = [...this.#database.jobs.values()].sort(
      (left, right) => left.dueAt - right.dueAt || byId(left, right),
    );
    const places = new Map<WorkspaceId, number>();
    const take = ({ workspaceId }: Job['scope']): number => {
      const place = (places.get(workspaceId) ?? 0) + 1;
      places.set(workspaceId, place);
      return place;
    };
    for (const { state, dueAt, job } of rows) if (state === 'active' && dueAt > now) take(job.scope);
    return rows.flatMap((row) => {
      const { state, dueAt, stageAttempts, job } = row;
      if (state === 'dead' || dueAt > now) return [];
      if (state === 'active') return stageAttempts < STAGE_ATTEMPTS_MAX ? [{ row, place: 0, turn: 0 }] : [];
      return [{ row, place: take(job.scope), turn: this.#database.jobTurns.get(job.scope.workspaceId) ?? 0 }];
    });
  }

  #lease(row: JobRow, now: number): ClaimedJob {
    const [attempt, stageAttempt] = [row.attempt + 1, row.stageAttempts + 1];
    this.#put({ ...row, state: 'active', attempt, stageAttempts: stageAttempt, dueAt: now + JOB_LEASE_MS });
    return { id: row.id, job: row.job, attempt, stage: row.stage, stageAttempt };
  }

  /** A claim holds until another one takes its place, even past its lease: late work is better than lost work. */
  #findHeld(claimed: ClaimedJob): JobRow | undefined {
    const row = this.#database.jobs.get(claimed.id);
    return row?.state === 'active' && row.attempt === claimed.attempt ? row : undefined;
  }

  #put(row: JobRow): void {
    this.#database.jobs.set(row.id, row);
  }

  /** A job whose last claimant died is over; its document must not stay "processing" for ever. */
  #buryLost(now: number): void {
    for (const row of this.#database.jobs.values()) {
      if (row.state !== 'active' || row.dueAt > now || row.stageAttempts < STAGE_ATTEMPTS_MAX) continue;
      this.#put({ ...row, state: 'dead', dueAt: now, error: WORKER_LOST });
      if (row.job.kind === 'ingest') this.#failDocument(row.job, now);
    }
  }

  #failDocument({ documentId, version }: Extract<Job, { kind: 'ingest' }>, now: number): void {
    const document = this.#database.documents.get(documentId);
    if (document?.version !== version || document.status === 'READY' || document.status === 'FAILED') return;
    const failed = { ...document, status: 'FAILED', error: WORKER_LOST, updatedAt: now } as const;
    this.#database.documents.set(documentId, failed);
    const { message } = WORKER_LOST;
    const news = { version, stage: 'failed', status: 'FAILED', progress: 1, message } as const;
    this.#database.appendProgress(documentId, news);
  }

  async #wakeRegularly(wake: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(OWN_CLOCK_MS, signal);
      } catch {
        return;
      }
      this.#buryLost(this.#clock.now());
      wake();
    }
  }
}

/** Of a stage that the job has just come to, the first attempt. */
function atStage(row: JobRow, stage: IngestionStage): JobRow {
  return { ...row, stage, stageAttempts: stage === row.stage ? row.stageAttempts : 1 };
}

function byId(left: JobRow, right: JobRow): number {
  return Number(left.id) - Number(right.id);
}

function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MIN_MS * 2 ** (attempt - 1), BACKOFF_MAX_MS);
}
