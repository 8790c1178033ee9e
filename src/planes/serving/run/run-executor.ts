import { DomainError } from '../../../domain/errors.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { Run } from '../../../domain/run.ts';
import { type LeaseHolder, LeaseKeeper } from './lease-keeper.ts';
import {
  RunSession,
  type RunSessionDeps,
  type RunSessionOptions,
  type SessionOutcome,
} from './run-session.ts';

const RETRY_AFTER_MS = 1_000;

export interface RunExecutorOptions extends RunSessionOptions {
  readonly nodeId: string;
  readonly leaseMs: number;
  readonly recoveryIntervalMs: number;
  readonly concurrencyMax: number;
  readonly queueLengthMax: number;
}
/** A place for one run; taken before anything is stored. */
export interface Slot {
  submit(run: Run): void;
  release(): void;
}
interface Entry {
  readonly session: RunSession;
  readonly done: Promise<SessionOutcome>;
  readonly begin: () => void;
  started: boolean;
}

/** Runs sessions: a bounded number at once, a bounded number waiting, all of them under a lease of this node. */
export class RunExecutor {
  readonly #deps: RunSessionDeps;
  readonly #options: RunExecutorOptions;
  readonly #leases: LeaseKeeper;
  readonly #entries = new Map<RunId, Entry>();
  readonly #queue: Entry[] = [];
  #reserved = 0;
  #running = 0;
  #draining = false;

  constructor(deps: RunSessionDeps, options: RunExecutorOptions) {
    this.#deps = deps;
    this.#options = options;
    const { nodeId: owner, leaseMs, recoveryIntervalMs } = options;
    this.#leases = new LeaseKeeper(deps, { owner, leaseMs, recoveryIntervalMs }, this.#holder());
  }

  get lease(): { readonly leaseOwner: string; readonly leaseMs: number } {
    return { leaseOwner: this.#options.nodeId, leaseMs: this.#options.leaseMs };
  }

  /** Begins heartbeats and recovery. */
  start(): void {
    this.#leases.start();
  }

  /** Throws SHUTTING_DOWN or RATE_LIMITED when there is no room. */
  reserve(): Slot {
    if (this.#draining) throw new DomainError('SHUTTING_DOWN', 'The server is shutting down; try again.');
    if (this.#room() <= 0) {
      throw new DomainError('RATE_LIMITED', 'The server is busy; try again in a moment.', {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    this.#reserved += 1;
    let isOpen = true;
    const release = () => {
      if (isOpen) this.#reserved -= 1;
      isOpen = false;
    };
    return {
      release,
      submit: (run) => {
        release();
        this.#submit(run);
      },
    };
  }

  /** A run of this node that has not ended, as it was when it began here. */
  running(runId: RunId): Run | undefined {
    return this.#entries.get(runId)?.session.run;
  }

  /** Resolves when this node's attempt has ended; undefined: not a run of this node. */
  finished(runId: RunId): Promise<SessionOutcome> | undefined {
    return this.#entries.get(runId)?.done;
  }

  /** Ends the run at what was shown. */
  stop(runId: RunId): void {
    const entry = this.#entries.get(runId);
    if (!entry) return;
    entry.session.interrupt('stop');
    // Stopping takes no model and no search: it need not wait for a place.
    if (!entry.started) entry.begin();
  }

  /** Takes no more runs, waits for those at work until the deadline, and leaves the rest to other nodes at once. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true;
    const over = new AbortController();
    const all = () => Promise.all([...this.#entries.values()].map((entry) => entry.done));
    const deadline = this.#deps.clock.sleep(deadlineMs, over.signal).catch(() => undefined);
    await Promise.race([all(), deadline]);
    over.abort();
    const left = [...this.#entries.values()];
    for (const entry of left) entry.session.interrupt('drain');
    for (const entry of left) if (!entry.started) entry.begin();
    const outcomes = await Promise.all(left.map((entry) => entry.done));
    await this.#leases.stop();
    const unfinished = left
      .filter((_, index) => outcomes[index] === 'left')
      .map(({ session }) => session.run);
    await this.#release(unfinished);
  }

  async #release(runs: readonly Run[]): Promise<void> {
    const { log } = this.#deps;
    await this.#leases
      .release(runs)
      .catch((error: unknown) => log.warn({ err: error }, 'leases will have to run out'));
  }

  #submit(run: Run): void {
    if (this.#draining) {
      void this.#release([run]);
      return;
    }
    const { promise: go, resolve: begin } = Promise.withResolvers<void>();
    const session = new RunSession(this.#deps, run, this.#options);
    const previous = this.#entries.get(run.id);
    // Our own older attempt, if its lease ran out under us: one at a time, and the newer one wins.
    previous?.session.interrupt('stale');
    if (previous && !previous.started) previous.begin();
    const done = go.then(() => previous?.done).then(() => session.perform());
    const entry: Entry = {
      session,
      done,
      started: false,
      begin: () => {
        if (entry.started) return;
        entry.started = true;
        this.#running += 1;
        begin();
      },
    };
    this.#entries.set(run.id, entry);
    done.then(() => this.#ended(run.id, entry));
    if (this.#running < this.#options.concurrencyMax || run.stopRequested) entry.begin();
    else this.#queue.push(entry);
  }

  #ended(runId: RunId, entry: Entry): void {
    this.#running -= 1;
    if (this.#entries.get(runId) === entry) this.#entries.delete(runId);
    while (this.#running < this.#options.concurrencyMax) {
      const next = this.#queue.shift();
      if (!next) return;
      // Stopped or drained while it waited: it has begun already.
      if (!next.started) next.begin();
    }
  }

  #room(): number {
    const { concurrencyMax, queueLengthMax } = this.#options;
    return concurrencyMax + queueLengthMax - this.#entries.size - this.#reserved;
  }

  #holder(): LeaseHolder {
    return {
      held: () => [...this.#entries.values()].map(({ session }) => session.run),
      onLost: ({ id, generation }) => {
        const session = this.#entries.get(id)?.session;
        // A newer attempt of our own may stand there by now.
        if (session?.run.generation === generation) session.interrupt('stale');
      },
      onStopRequested: (runId) => this.stop(runId),
      room: () => (this.#draining ? 0 : this.#room()),
      onRecovered: (run) => this.#submit(run),
    };
  }
}
