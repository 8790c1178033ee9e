import type { LedgerAudit, UsageLedger } from '../../domain/ports/runs.ts';
import { isSettled } from '../../domain/run.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import {
  nextPeriodStart,
  type Quota,
  quotaPeriod,
  type RunUsage,
  type UsageTotals,
} from '../../domain/usage.ts';
import type { MemoryDatabase, QuotaRow } from './memory-database.ts';
import { countQuotas, findQuota, quotaOfKey, UNTOUCHED } from './quota-book.ts';

export class MemoryUsageLedger implements UsageLedger {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async totals({ workspaceId }: WorkspaceScope): Promise<UsageTotals> {
    const own = [...this.#database.ledger.values()].filter((row) => row.workspaceId === workspaceId);
    return sum(own.map(({ usage }) => usage));
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
    const { runs, ledger, reservations, quotas } = this.#database;
    const settled = [...runs.values()].filter((run) => isSettled(run.status));
    const mismatched = settled.filter(({ id, usage }) => !isSameUsage(usage, ledger.get(id)?.usage));
    const unknown = [...ledger.keys()].filter((id) => !isSettled(runs.get(id)?.status ?? 'RUNNING'));
    const orphaned = [...reservations.keys()].filter((id) => isSettled(runs.get(id)?.status ?? 'FAILED'));
    const unreserved = [...runs.values()].filter(
      ({ id, status }) => !isSettled(status) && !reservations.has(id),
    );
    const counted = countQuotas(this.#database);
    const keys = new Set([...quotas.keys(), ...counted.keys()]);
    const miscounted = [...keys].filter((key) => !isSameQuota(quotas.get(key), counted.get(key)));
    return {
      runCount: runs.size,
      mismatched: [...mismatched.map(({ id }) => id), ...unknown],
      orphanedReservations: orphaned,
      unreserved: unreserved.map(({ id }) => id),
      miscountedQuotas: miscounted.map(quotaOfKey),
      usage: sum(settled.flatMap(({ usage }) => (usage === null ? [] : [usage]))),
      ledger: sum([...ledger.values()].map(({ usage }) => usage)),
    };
  }
}

function sum(usages: readonly RunUsage[]): UsageTotals {
  const totals = { messages: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 };
  for (const usage of usages) {
    totals.messages += 1;
    totals.inputTokens += usage.inputTokens;
    totals.outputTokens += usage.outputTokens;
    totals.costMicros += usage.costMicros;
  }
  return totals;
}

function isSameQuota(left: QuotaRow = UNTOUCHED, right: QuotaRow = UNTOUCHED): boolean {
  return left.usedMicros === right.usedMicros && left.reservedMicros === right.reservedMicros;
}

function isSameUsage(left: object | null, right: object | undefined): boolean {
  return left !== null && right !== undefined && JSON.stringify(left) === JSON.stringify(right);
}
