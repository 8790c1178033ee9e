import type { RunId } from '../../../domain/ids.ts';
import type { RunRepository } from '../../../domain/ports/runs.ts';
import type { Clock, Log } from '../../../domain/ports/system.ts';
import type { Run } from '../../../domain/run.ts';
import { SYSTEM_SCOPE } from '../../../domain/scope.ts';

/** A lease survives two lost heartbeats. */
const HEARTBEATS_PER_LEASE = 3;
const CLAIMED_AT_ONCE_MAX = 32;

export interface LeaseKeeperDeps {
  readonly runs: Pick<RunRepository, 'heartbeat' | 'claimExpired'>;
  readonly clock: Clock;
  readonly log: Log;
}
export interface LeaseKeeperOptions {
  /** This node, in every lease it holds; unique to the process. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly recoveryIntervalMs: number;
}
export interface HeldRun {
  readonly id: RunId;
  readonly generation: number;
}
export interface LeaseHolder {
  held(): readonly HeldRun[];
  onLost(run: HeldRun): void;
  onStopRequested(runId: RunId): void;
  /** How many orphans fit. */
  room(): number;
  onRecovered(run: Run): void;
}

/** Keeps this node's leases alive, one statement for all of them, and takes over runs whose node went silent. */
export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #options: LeaseKeeperOptions;
  readonly #holder: LeaseHolder;
  readonly #stopped = new AbortController();
  #loops: readonly Promise<void>[] = [];

  constructor(deps: LeaseKeeperDeps, options: LeaseKeeperOptions, holder: LeaseHolder) {
    this.#deps = deps;
    this.#options = options;
    this.#holder = holder;
  }

  start(): void {
    const { leaseMs, recoveryIntervalMs } = this.#options;
    this.#loops = [
      this.#repeat(leaseMs / HEARTBEATS_PER_LEASE, () => this.#heartbeat()),
      this.#repeat(recoveryIntervalMs, () => this.#recover()),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#loops);
  }

  /** Lets another node take these over at once instead of after the lease. */
  async release(runs: readonly HeldRun[]): Promise<void> {
    if (runs.length === 0) return;
    const { owner } = this.#options;
    const lease = { owner, leaseMs: 0, now: this.#deps.clock.now() };
    await this.#deps.runs.heartbeat(SYSTEM_SCOPE, lease, runs);
  }

  async #repeat(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await work().catch((error: unknown) => log.warn({ err: error }, 'lease keeping failed; tried again'));
      await clock.sleep(intervalMs, signal).catch(() => undefined);
    }
  }

  async #heartbeat(): Promise<void> {
    const held = this.#holder.held();
    if (held.length === 0) return;
    const answer = await this.#deps.runs.heartbeat(SYSTEM_SCOPE, this.#lease(), held);
    const kept = new Set(answer.held);
    for (const run of held) if (!kept.has(run.id)) this.#holder.onLost(run);
    for (const id of answer.stopRequested) this.#holder.onStopRequested(id);
  }

  async #recover(): Promise<void> {
    const limit = Math.min(this.#holder.room(), CLAIMED_AT_ONCE_MAX);
    if (limit <= 0) return;
    const runs = await this.#deps.runs.claimExpired(SYSTEM_SCOPE, this.#lease(), limit);
    for (const run of runs) this.#holder.onRecovered(run);
  }

  #lease(): { readonly owner: string; readonly leaseMs: number; readonly now: number } {
    const { owner, leaseMs } = this.#options;
    return { owner, leaseMs, now: this.#deps.clock.now() };
  }
}
