import type { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { MemoryRunEventLog } from '../../src/adapters/memory/memory-run-event-log.ts';
import { MemoryRunRepository } from '../../src/adapters/memory/memory-run-repository.ts';
import { DomainError } from '../../src/domain/errors.ts';
import type { RunId } from '../../src/domain/ids.ts';
import type { RunEventBatch, Settlement } from '../../src/domain/ports/runs.ts';
import type { RunEvent, RunEventBody } from '../../src/domain/run.ts';
import type { WorkspaceScope } from '../../src/domain/scope.ts';
import { quotaPeriod } from '../../src/domain/usage.ts';
import { type Adapters, MEMORY_ADAPTERS } from './simulation.ts';

/** Appends for whoever asks, if only the events follow on. */
class UnfencedLog extends MemoryRunEventLog {
  readonly #newest = new Map<RunId, number>();

  override async fence(
    scope: WorkspaceScope,
    runId: RunId,
    generation: number,
  ): Promise<readonly RunEvent[]> {
    const events = await super.fence(scope, runId, generation);
    this.#newest.set(runId, generation);
    return events;
  }

  override async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    const generation = Math.max(batch.generation, this.#newest.get(batch.runId) ?? 0);
    await super.append(scope, { ...batch, generation });
  }
}

/** Says yes to a whole batch and keeps all but its last event. */
class LosingLog extends MemoryRunEventLog {
  override async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    const kept = batch.events.length > 1 ? batch.events.slice(0, -1) : batch.events;
    await super.append(scope, { ...batch, events: kept });
  }
}

class StammeringLog extends MemoryRunEventLog {
  override async append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void> {
    const events = batch.events.flatMap((event): RunEventBody[] =>
      event.type === 'TokenDelta' ? [event, event] : [event],
    );
    await super.append(scope, { ...batch, events });
  }
}

/** Forgets its keys: a repeated send is a new message. */
class ForgetfulRuns extends MemoryRunRepository {
  override begin(...[scope, run]: Parameters<MemoryRunRepository['begin']>) {
    return super.begin(scope, { ...run, idempotency: undefined });
  }
}

class DoubleBilling extends MemoryRunRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    super(database);
    this.#database = database;
  }

  override async settle(scope: WorkspaceScope, settlement: Settlement) {
    const outcome = await super.settle(scope, settlement);
    if (outcome === 'stale') return outcome;
    const key = `${scope.workspaceId}/${quotaPeriod(settlement.now)}`;
    const quota = this.#database.quotas.get(key);
    if (!quota) throw new DomainError('NOT_FOUND', 'no quota');
    const usedMicros = quota.usedMicros + settlement.usage.costMicros;
    this.#database.quotas.set(key, { ...quota, usedMicros });
    return outcome;
  }
}

/** Lets everybody spend: the limit is looked at by nobody. */
class SpendthriftRuns extends MemoryRunRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    super(database);
    this.#database = database;
  }

  override async begin(...[scope, run]: Parameters<MemoryRunRepository['begin']>) {
    const workspace = this.#database.workspaces.get(scope.workspaceId);
    if (!workspace) return super.begin(scope, run);
    this.#database.workspaces.set(scope.workspaceId, { ...workspace, quotaLimitMicros: null });
    const begun = super.begin(scope, run);
    this.#database.workspaces.set(scope.workspaceId, workspace);
    return begun;
  }
}

/** Each breaks one promise, and says which invariant must notice. */
export const BROKEN: readonly (readonly [name: string, invariant: string, adapters: Adapters])[] = [
  ['a log that drops its fence', 'S5', { ...MEMORY_ADAPTERS, log: (clock) => new UnfencedLog(clock) }],
  ['a log that loses an event', 'S1', { ...MEMORY_ADAPTERS, log: (clock) => new LosingLog(clock) }],
  ['a log that doubles a delta', 'S1', { ...MEMORY_ADAPTERS, log: (clock) => new StammeringLog(clock) }],
  ['runs without keys', 'S2', { ...MEMORY_ADAPTERS, runs: (database) => new ForgetfulRuns(database) }],
  [
    'a settlement that bills twice',
    'S3',
    { ...MEMORY_ADAPTERS, runs: (database) => new DoubleBilling(database) },
  ],
  [
    'a quota that nobody keeps',
    'S3',
    { ...MEMORY_ADAPTERS, runs: (database) => new SpendthriftRuns(database) },
  ],
];
