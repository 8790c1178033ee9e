import type { LedgerAudit, UsageLedger } from '../../domain/ports/runs.ts';
import { isSettled } from '../../domain/run.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import { nextPeriodStart, type Quota, quotaPeriod, type UsageTotals } from '../../domain/usage.ts';
import type { MemoryDatabase } from './memory-database.ts';
import { findQuota } from './quota-book.ts';

export class MemoryUsageLedger implements UsageLedger {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async totals({ workspaceId }: WorkspaceScope): Promise<UsageTotals> {
    const totals = { messages: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 };
    for (const row of this.#database.ledger.values()) {
      if (row.workspaceId !== workspaceId) continue;
      totals.messages += 1;
      totals.inputTokens += row.usage.inputTokens;
      totals.outputTokens += row.usage.outputTokens;
      totals.costMicros += row.usage.costMicros;
    }
    return totals;
  }

  async quota(scope: WorkspaceScope, now: number): Promise<Quota> {
    const limitMicros = this.#database.workspaces.get(scope.workspaceId)?.quotaLimitMicros ?? null;
    const { usedMicros, reservedMicros } = findQuota(this.#database, scope, quotaPeriod(now));
    return { limitMicros, usedMicros, reservedMicros, resetsAt: nextPeriodStart(now) };
  }

  async setQuotaLimit({ workspaceId }: WorkspaceScope, limitMicros: number | null): Promise<void> {
    const workspace = this.#database.workspaces.get(workspaceId);
    if (workspace === undefined) return;
    this.#database.workspaces.set(workspaceId, { ...workspace, quotaLimitMicros: limitMicros });
  }

  async audit(_scope: SystemScope): Promise<LedgerAudit> {
    const { runs, ledger, reservations } = this.#database;
    const settled = [...runs.values()].filter((run) => isSettled(run.status));
    const mismatched = settled.filter(({ id, usage }) => !isSameUsage(usage, ledger.get(id)?.usage));
    const unknown = [...ledger.keys()].filter((id) => !isSettled(runs.get(id)?.status ?? 'RUNNING'));
    const orphaned = [...reservations.keys()].filter((id) => isSettled(runs.get(id)?.status ?? 'FAILED'));
    return {
      runCount: runs.size,
      mismatched: [...mismatched.map(({ id }) => id), ...unknown],
      orphanedReservations: orphaned,
    };
  }
}

function isSameUsage(left: object | null, right: object | undefined): boolean {
  return left !== null && right !== undefined && JSON.stringify(left) === JSON.stringify(right);
}
