import { type RunId, trustedId, type WorkspaceId } from '../../domain/ids.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { quotaPeriod, type RunUsage } from '../../domain/usage.ts';
import type { MemoryDatabase, QuotaRow } from './memory-database.ts';

export const UNTOUCHED: QuotaRow = { usedMicros: 0, reservedMicros: 0 };

export function findQuota(database: MemoryDatabase, scope: WorkspaceScope, period: string): QuotaRow {
  return database.quotas.get(quotaKey(scope, period)) ?? UNTOUCHED;
}

interface Reservation {
  readonly runId: RunId;
  readonly amountMicros: number;
  readonly now: number;
}
/** False, and nothing changed: used + reserved + amount would pass the limit. */
export function reserve(database: MemoryDatabase, scope: WorkspaceScope, reservation: Reservation): boolean {
  const { runId, amountMicros, now } = reservation;
  const period = quotaPeriod(now);
  const quota = findQuota(database, scope, period);
  const limitMicros = database.workspaces.get(scope.workspaceId)?.quotaLimitMicros ?? null;
  const committed = quota.usedMicros + quota.reservedMicros + amountMicros;
  if (limitMicros !== null && committed > limitMicros) return false;
  const { workspaceId } = scope;
  database.reservations.set(runId, { workspaceId, period, amountMicros });
  database.quotas.set(quotaKey(scope, period), {
    ...quota,
    reservedMicros: quota.reservedMicros + amountMicros,
  });
  return true;
}

/** Turns a reservation into what was used, in the period in which it was made. */
export function charge(database: MemoryDatabase, scope: WorkspaceScope, runId: RunId, usage: RunUsage): void {
  const reservation = database.reservations.get(runId);
  if (reservation === undefined) throw new Error(`run ${runId} has no reservation`);
  const { period, amountMicros } = reservation;
  const quota = findQuota(database, scope, period);
  database.reservations.delete(runId);
  database.quotas.set(quotaKey(scope, period), {
    usedMicros: quota.usedMicros + usage.costMicros,
    reservedMicros: quota.reservedMicros - amountMicros,
  });
  database.ledger.set(runId, { workspaceId: scope.workspaceId, period, usage });
}

/** What the counters should be: the sums of the ledger and of the reservations. */
export function countQuotas(database: MemoryDatabase): ReadonlyMap<string, QuotaRow> {
  const counted = new Map<string, QuotaRow>();
  const add = (scope: WorkspaceScope, period: string, usedMicros: number, reservedMicros: number) => {
    const key = quotaKey(scope, period);
    const before = counted.get(key) ?? UNTOUCHED;
    counted.set(key, {
      usedMicros: before.usedMicros + usedMicros,
      reservedMicros: before.reservedMicros + reservedMicros,
    });
  };
  for (const row of database.ledger.values()) add(row, row.period, row.usage.costMicros, 0);
  for (const row of database.reservations.values()) add(row, row.period, 0, row.amountMicros);
  return counted;
}

export function quotaOfKey(key: string): { readonly workspaceId: WorkspaceId; readonly period: string } {
  const [workspaceId = '', period = ''] = key.split('/');
  return { workspaceId: trustedId('wsp', workspaceId), period };
}

function quotaKey({ workspaceId }: WorkspaceScope, period: string): string {
  return `${workspaceId}/${period}`;
}
