import { DomainError } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunEventBatch, RunEventLog, StepResult } from '../../domain/ports/runs.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import type { RunEvent } from '../../domain/run.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';

type Listener = (events: readonly RunEvent[]) => void;

interface Log {
  generation: number;
  readonly events: RunEvent[];
  readonly steps: StepResult[];
  /** Milliseconds since the epoch; until then the log stays whatever happens. */
  removableAt: number;
}

export class MemoryRunEventLog implements RunEventLog {
  readonly #clock: Clock;
  readonly #logs = new Map<string, Log>();
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    const key = logKey(scope, batch.runId);
    const log = this.#find(key) ?? newLog();
    refuseStale(log, batch.generation);
    const events = batch.events.map((event, index) => ({ ...event, sequence: batch.firstSequence + index }));
    if (isRepeated(log, batch.firstSequence, events)) return;
    if (batch.firstSequence !== log.events.length)
      throw discontinuous(batch.firstSequence, log.events.length);
    log.generation = batch.generation;
    log.events.push(...structuredClone(events));
    log.steps.push(...(batch.steps ?? []));
    this.#logs.set(key, log);
    for (const listener of [...(this.#listeners.get(key) ?? [])]) listener(events);
  }

  async fence(scope: WorkspaceScope, runId: RunId, generation: number): Promise<readonly RunEvent[]> {
    const key = logKey(scope, runId);
    const log = this.#find(key) ?? newLog();
    refuseStale(log, generation);
    log.generation = generation;
    this.#logs.set(key, log);
    return [...log.events];
  }

  async read(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
    limit: number,
  ): Promise<readonly RunEvent[] | undefined> {
    return this.#find(logKey(scope, runId))?.events.slice(after + 1, after + 1 + limit);
  }

  async readSteps(scope: WorkspaceScope, runId: RunId): Promise<readonly StepResult[]> {
    return [...(this.#find(logKey(scope, runId))?.steps ?? [])];
  }

  async subscribe(scope: WorkspaceScope, runId: RunId, listener: Listener): Promise<Unsubscribe> {
    const key = logKey(scope, runId);
    const registration: Listener = (events) => listener(events);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(registration));
    return () => {
      listeners.delete(registration);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  async retire(scope: WorkspaceScope, runId: RunId, ttlMs: number): Promise<void> {
    const log = this.#find(logKey(scope, runId));
    if (log !== undefined) {
      log.removableAt = Math.min(log.removableAt, this.#clock.now() + ttlMs);
      log.steps.length = 0;
    }
    const now = this.#clock.now();
    for (const [key, { removableAt }] of this.#logs) if (removableAt <= now) this.#logs.delete(key);
  }

  #find(key: string): Log | undefined {
    const log = this.#logs.get(key);
    return log === undefined || log.removableAt <= this.#clock.now() ? undefined : log;
  }
}

function logKey({ workspaceId }: WorkspaceScope, runId: RunId): string {
  return `${workspaceId}/${runId}`;
}

function newLog(): Log {
  return { generation: 0, events: [], steps: [], removableAt: Number.POSITIVE_INFINITY };
}

function refuseStale(log: Log, generation: number): void {
  if (generation < log.generation) {
    throw new DomainError('STALE_GENERATION', 'Another node has taken this run over.');
  }
}

/** Accepted before, word for word: the caller did not learn the outcome and asks again. */
function isRepeated(log: Log, firstSequence: number, events: readonly RunEvent[]): boolean {
  const stored = log.events.slice(firstSequence, firstSequence + events.length);
  return stored.length === events.length && JSON.stringify(stored) === JSON.stringify(events);
}

function discontinuous(firstSequence: number, expected: number): DomainError {
  return new DomainError('CONFLICT', `Events begin at ${firstSequence}; the log goes on at ${expected}.`);
}
