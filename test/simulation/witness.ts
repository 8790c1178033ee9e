import type { RunId } from '../../src/domain/ids.ts';
import type {
  NewRun,
  RunEventBatch,
  RunEventLog,
  RunRepository,
  StepResult,
} from '../../src/domain/ports/runs.ts';
import type { Unsubscribe } from '../../src/domain/ports/system.ts';
import type { RunEvent } from '../../src/domain/run.ts';
import type { WorkspaceScope } from '../../src/domain/scope.ts';

export type Invariant = 'S1' | 'S2' | 'S3' | 'S4' | 'S5' | 'S6' | 'liveness';
export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}
export type Report = (invariant: Invariant, what: string) => void;

/** What a log must hold, kept from what it accepted. */
export interface LogModel {
  readonly events: RunEvent[];
  generation: number;
}

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

/** Stands between the faults and the log under test, and knows by itself what the log may accept and must show. */
export class WitnessedLog implements RunEventLog {
  readonly models = new Map<RunId, LogModel>();
  batchTextMax = 0;
  listenerCount = 0;
  readonly #log: RunEventLog;
  readonly #report: Report;
  #shown: { readonly runId: RunId; readonly events: readonly RunEvent[] }[] = [];

  constructor(log: RunEventLog, report: Report) {
    this.#log = log;
    this.#report = report;
  }

  async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    await this.#log.append(scope, batch);
    const { runId, generation, firstSequence } = batch;
    const model = this.#model(runId);
    if (generation < model.generation) this.#report('S5', `${runId} took events of generation ${generation}`);
    model.generation = Math.max(model.generation, generation);
    const events = batch.events.map((event, index) => ({ ...event, sequence: firstSequence + index }));
    for (const event of batch.events) {
      if (event.type === 'TokenDelta') this.batchTextMax = Math.max(this.batchTextMax, event.text.length);
    }
    const stored = model.events.slice(firstSequence, firstSequence + events.length);
    if (firstSequence === model.events.length) model.events.push(...events);
    else if (!same(stored, events))
      this.#report('S1', `${runId} took events at ${firstSequence} out of order`);
  }

  async fence(scope: WorkspaceScope, runId: RunId, generation: number): Promise<readonly RunEvent[]> {
    const events = await this.#log.fence(scope, runId, generation);
    const model = this.#model(runId);
    if (generation < model.generation) this.#report('S5', `${runId} was fenced by generation ${generation}`);
    model.generation = Math.max(model.generation, generation);
    if (!same(events, model.events)) this.#report('S1', `${runId} gave its heir other events`);
    return events;
  }

  async readSteps(scope: WorkspaceScope, runId: RunId): Promise<readonly StepResult[]> {
    return this.#log.readSteps(scope, runId);
  }

  async read(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
    limit: number,
  ): Promise<readonly RunEvent[] | undefined> {
    const events = await this.#log.read(scope, runId, after, limit);
    if (events) this.#shown.push({ runId, events });
    return events;
  }

  async subscribe(
    scope: WorkspaceScope,
    runId: RunId,
    listener: (events: readonly RunEvent[]) => void,
  ): Promise<Unsubscribe> {
    const unsubscribe = await this.#log.subscribe(scope, runId, (events) => {
      this.#shown.push({ runId, events });
      listener(events);
    });
    this.listenerCount += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.listenerCount -= 1;
      isOpen = false;
      unsubscribe();
    };
  }

  async retire(scope: WorkspaceScope, runId: RunId, ttlMs: number): Promise<void> {
    await this.#log.retire(scope, runId, ttlMs);
  }

  /** Everything that readers were shown since the last look. */
  check(): void {
    for (const { runId, events } of this.#shown) this.checkShown(runId, events);
    this.#shown = [];
  }

  checkShown(runId: RunId, events: readonly RunEvent[]): void {
    const model = this.#model(runId);
    for (const event of events) {
      if (same(event, model.events[event.sequence])) continue;
      this.#report('S1', `${runId} showed another event ${event.sequence}`);
      return;
    }
  }

  #model(runId: RunId): LogModel {
    const model = this.models.get(runId) ?? { events: [], generation: 0 };
    this.models.set(runId, model);
    return model;
  }
}

/** Counts what may happen once a key, and once a run. */
export function witnessRuns(runs: RunRepository, report: Report): RunRepository {
  const started = new Map<string, RunId>();
  const settled = new Set<RunId>();
  const begin = async (scope: WorkspaceScope, run: NewRun) => {
    const outcome = await runs.begin(scope, run);
    const key = `${scope.workspaceId} ${run.idempotency?.key}`;
    if (outcome.kind === 'started') {
      if (started.has(key)) report('S2', `${key} made a second run`);
      started.set(key, outcome.run.id);
    }
    if (outcome.kind === 'replayed' && started.get(key) !== outcome.run.id) {
      report('S2', `${key} was answered with another run`);
    }
    return outcome;
  };
  const settle: RunRepository['settle'] = async (scope, settlement) => {
    const outcome = await runs.settle(scope, settlement);
    if (outcome !== 'settled') return outcome;
    if (settled.has(settlement.runId)) report('S2', `${settlement.runId} was charged twice`);
    settled.add(settlement.runId);
    return outcome;
  };
  return {
    begin,
    settle,
    find: (scope, runId) => runs.find(scope, runId),
    heartbeat: (scope, lease, held) => runs.heartbeat(scope, lease, held),
    claimExpired: (scope, lease, limit) => runs.claimExpired(scope, lease, limit),
    requestStop: (scope, runId) => runs.requestStop(scope, runId),
  };
}
