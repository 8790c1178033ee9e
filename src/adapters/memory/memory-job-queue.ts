import type { ErrorInfo } from '../../domain/errors.ts';
import type { ClaimedJob, JobQueue } from '../../domain/ports/documents.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { JobRow, MemoryDatabase } from './memory-database.ts';

export interface JobPolicy {
  readonly leaseMs: number;
  readonly attemptsMax: number;
  /** Doubles with every attempt. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
}
export const DEFAULT_JOB_POLICY: JobPolicy = {
  leaseMs: 30_000,
  attemptsMax: 5,
  backoffMs: 1_000,
  backoffMsMax: 60_000,
};
/** Back-offs and lost leases end without anybody telling. */
const WAKE_INTERVAL_MS = 2_000;

export class MemoryJobQueue implements JobQueue {
  readonly #database: MemoryDatabase;
  readonly #clock: Clock;
  readonly #policy: JobPolicy;

  constructor(database: MemoryDatabase, clock: Clock, policy: JobPolicy = DEFAULT_JOB_POLICY) {
    this.#database = database;
    this.#clock = clock;
    this.#policy = policy;
  }

  async claim(_scope: SystemScope, limit: number): Promise<readonly ClaimedJob[]> {
    const now = this.#clock.now();
    const due = [...this.#database.jobs.values()]
      .filter((row) => row.state !== 'dead' && row.dueAt <= now)
      .sort((left, right) => left.dueAt - right.dueAt || Number(left.id) - Number(right.id))
      .slice(0, limit);
    return due.map((row) => this.#lease(row, now));
  }

  async heartbeat(_scope: SystemScope, claimed: ClaimedJob): Promise<boolean> {
    const row = this.#findHeld(claimed);
    if (row === undefined) return false;
    this.#put({ ...row, dueAt: this.#clock.now() + this.#policy.leaseMs });
    return true;
  }

  async complete(_scope: SystemScope, claimed: ClaimedJob): Promise<void> {
    if (this.#findHeld(claimed) !== undefined) this.#database.jobs.delete(claimed.id);
  }

  async fail(
    _scope: SystemScope,
    claimed: ClaimedJob,
    { error }: { readonly error: ErrorInfo },
  ): Promise<'retry' | 'dead'> {
    const row = this.#findHeld(claimed);
    // Lost to another claimant, who goes on with it: this failure says nothing about the job any more.
    if (row === undefined) return 'retry';
    const isFinal = claimed.lastAttempt || !error.retryable;
    if (isFinal) this.#put({ ...row, state: 'dead', dueAt: this.#clock.now(), error });
    else
      this.#put({ ...row, state: 'queued', dueAt: this.#clock.now() + this.#backoffMs(row.attempt), error });
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

  #lease(row: JobRow, now: number): ClaimedJob {
    const attempt = row.attempt + 1;
    this.#put({ ...row, state: 'active', attempt, dueAt: now + this.#policy.leaseMs });
    return { id: row.id, job: row.job, attempt, lastAttempt: attempt >= this.#policy.attemptsMax };
  }

  /** A claim holds until another one takes its place, even past its lease: late work is better than lost work. */
  #findHeld(claimed: ClaimedJob): JobRow | undefined {
    const row = this.#database.jobs.get(claimed.id);
    return row?.state === 'active' && row.attempt === claimed.attempt ? row : undefined;
  }

  #put(row: JobRow): void {
    this.#database.jobs.set(row.id, row);
  }

  #backoffMs(attempt: number): number {
    return Math.min(this.#policy.backoffMs * 2 ** (attempt - 1), this.#policy.backoffMsMax);
  }

  async #wakeRegularly(wake: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(WAKE_INTERVAL_MS, signal);
      } catch {
        return;
      }
      wake();
    }
  }
}
