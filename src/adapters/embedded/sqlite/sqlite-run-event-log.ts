import { DomainError } from '../../../domain/errors.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { RunEventBatch, RunEventLog, StepResult } from '../../../domain/ports/runs.ts';
import type { Clock, Unsubscribe } from '../../../domain/ports/system.ts';
import type { RunEvent } from '../../../domain/run.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { encodeEvents } from './run-event-codec.ts';
import {
  findRetired,
  findRunLog,
  lastRunLogKey,
  readStoredEvents,
  readStoredSteps,
} from './run-log-reader.ts';
import { RunLogState } from './run-log-state.ts';
import { RunLogStates } from './run-log-states.ts';
import type { ServingDatabase } from './serving-database.ts';
import type { Write } from './serving-schema.ts';

type Listener = (events: readonly RunEvent[]) => void;

interface SqliteRunEventLogOptions {
  readonly database: ServingDatabase;
  readonly clock: Clock;
}

const SWEEP_MS = 30_000;
const SWEEP_LOGS_MAX = 256;

/**
 * Run events in the serving database, one process's own. Order, fencing and repeats are decided in memory the moment
 * `append` is called, against what the file and the writes on their way to it say; the sync to disk happens in a thread
 * and is shared by all runs. A live run's newest events are kept in memory for those who read along.
 */
export class SqliteRunEventLog implements RunEventLog {
  readonly #database: ServingDatabase;
  readonly #clock: Clock;
  readonly #states = new RunLogStates();
  readonly #listeners = new Map<string, Set<Listener>>();
  #nextKey: number;
  #failureCount: number;
  #sweeping: Promise<void> | undefined;

  constructor({ database, clock }: SqliteRunEventLogOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#nextKey = database.read(lastRunLogKey) + 1;
    this.#failureCount = database.failureCount;
  }

  async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    const id = logId(scope, batch.runId);
    const known = this.#find(scope, batch.runId);
    if (known !== undefined && batch.generation < known.generation) throw stale();
    const next = known?.next ?? 0;
    if (batch.firstSequence !== next) return this.#acceptRepeat(known, batch);
    if (batch.events.length === 0) return;
    const state = known ?? this.#create(id, batch.generation);
    const writes: Write[] = [['putEvents', state.key, batch.firstSequence, encodeEvents(batch.events)]];
    if (known === undefined || batch.generation > state.generation) {
      state.generation = batch.generation;
      writes.unshift(['putLog', state.key, scope.workspaceId, batch.runId, batch.generation]);
    }
    if (batch.steps !== undefined && batch.steps.length > 0) {
      writes.push(['putSteps', state.key, batch.firstSequence, JSON.stringify(batch.steps)]);
    }
    state.next += batch.events.length;
    const events = batch.events.map((event, index) => ({ ...event, sequence: batch.firstSequence + index }));
    await this.#write(state, writes);
    this.#states.accept(id, state, events);
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener(events);
  }

  async fence(scope: WorkspaceScope, runId: RunId, generation: number): Promise<readonly RunEvent[]> {
    const known = this.#find(scope, runId);
    if (known !== undefined && generation < known.generation) throw stale();
    const state = known ?? this.#create(logId(scope, runId), generation);
    state.generation = generation;
    // Also waits for what was accepted before: groups are written in order.
    await this.#write(state, [['putLog', state.key, scope.workspaceId, runId, generation]]);
    return this.#readState(state, -1, Number.MAX_SAFE_INTEGER);
  }

  async read(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
    limit: number,
  ): Promise<readonly RunEvent[] | undefined> {
    const state = this.#find(scope, runId);
    if (state === undefined || (state.retireAt !== null && state.retireAt <= this.#clock.now()))
      return undefined;
    return this.#readState(state, after, limit);
  }

  async readSteps(scope: WorkspaceScope, runId: RunId): Promise<readonly StepResult[]> {
    const state = this.#find(scope, runId);
    return state === undefined
      ? []
      : this.#database.read((statements) => readStoredSteps(statements, state.key));
  }

  async subscribe(scope: WorkspaceScope, runId: RunId, listener: Listener): Promise<Unsubscribe> {
    const id = logId(scope, runId);
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    // A wrapper of its own: the same function may subscribe twice.
    const entry: Listener = (events) => listener(events);
    listeners.add(entry);
    return () => {
      listeners.delete(entry);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  async retire(scope: WorkspaceScope, runId: RunId, ttlMs: number): Promise<void> {
    const state = this.#find(scope, runId);
    if (state === undefined) return;
    state.retireAt = Math.min(state.retireAt ?? Number.POSITIVE_INFINITY, this.#clock.now() + ttlMs);
    await this.#write(state, [
      ['retireLog', state.retireAt, state.key],
      ['removeSteps', state.key],
    ]);
  }

  /** Removes logs whose time is over; returns how many. Done regularly by itself in the process that writes. */
  async sweep(): Promise<number> {
    const now = this.#clock.now();
    const keys = this.#database.read((statements) => findRetired(statements, now, SWEEP_LOGS_MAX));
    if (keys.length === 0) return 0;
    this.#states.forgetKeys(new Set(keys));
    await this.#database.commit(
      keys.flatMap((key): Write[] => [
        ['removeEvents', key],
        ['removeSteps', key],
        ['removeLog', key],
      ]),
    );
    return keys.length;
  }

  async #sweepForEver(): Promise<void> {
    for (;;) {
      // A full round leaves more to do; a disk that fails now is asked again later.
      const removed = await this.sweep().catch(() => 0);
      if (removed < SWEEP_LOGS_MAX) await this.#clock.sleep(SWEEP_MS, this.#database.closing);
      this.#database.closing.throwIfAborted();
    }
  }

  /** On failure the state is wrong, and `#find` drops it. */
  async #write(state: RunLogState, writes: readonly Write[]): Promise<void> {
    this.#sweeping ??= this.#sweepForEver().catch(() => undefined);
    state.writesUnderWay += 1;
    await this.#database.commit(writes);
    state.writesUnderWay -= 1;
  }

  #readState(state: RunLogState, after: number, limit: number): readonly RunEvent[] {
    return (
      state.after(after, limit) ??
      this.#database.read((statements) => readStoredEvents(statements, state.key, after, limit))
    );
  }

  /** Memory first; else the file, once. undefined: no such log. */
  #find(scope: WorkspaceScope, runId: RunId): RunLogState | undefined {
    if (this.#failureCount !== this.#database.failureCount) {
      // Writes were lost: what memory says about any run may be ahead of the file.
      this.#failureCount = this.#database.failureCount;
      this.#states.clear();
    }
    const id = logId(scope, runId);
    const known = this.#states.get(id);
    if (known !== undefined) return known;
    const stored = this.#database.read((statements) => findRunLog(statements, scope, runId));
    if (stored === undefined) return undefined;
    const state = new RunLogState(stored);
    this.#states.add(id, state);
    return state;
  }

  #create(id: string, generation: number): RunLogState {
    const state = new RunLogState({ key: this.#nextKey, generation, retireAt: null, next: 0 });
    this.#nextKey += 1;
    this.#states.add(id, state);
    return state;
  }

  /** A batch that the log holds already, word for word, is accepted again once it is durable; any other is not. */
  async #acceptRepeat(state: RunLogState | undefined, batch: RunEventBatch): Promise<void> {
    const end = batch.firstSequence + batch.events.length;
    if (state === undefined || batch.firstSequence < 0 || end > state.next) throw notContinuing(state, batch);
    const repeated = encodeEvents(batch.events);
    // Behind every write that is under way.
    await this.#database.commit([]);
    const stored = this.#readState(state, batch.firstSequence - 1, batch.events.length);
    if (encodeEvents(stored) !== repeated) throw notContinuing(state, batch);
  }
}

function logId(scope: WorkspaceScope, runId: RunId): string {
  return `${scope.workspaceId}/${runId}`;
}

function stale(): DomainError {
  return new DomainError('STALE_GENERATION', 'A newer generation holds this run.');
}

function notContinuing(state: RunLogState | undefined, batch: RunEventBatch): DomainError {
  const next = state?.next ?? 0;
  return new DomainError('CONFLICT', `The log continues at ${next}, not at ${batch.firstSequence}.`);
}
