import { z } from 'zod';
import { trustedId } from '../../domain/ids.ts';
import type { LedgerAudit, UsageLedger } from '../../domain/ports/runs.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import { nextPeriodStart, type Quota, quotaPeriod, type UsageTotals } from '../../domain/usage.ts';
import type { Database } from './database.ts';

const TOTALS = {
  name: 'ledger_totals',
  text: `SELECT count(*) AS messages, COALESCE(sum(input_tokens), 0)::bigint AS "inputTokens",
  COALESCE(sum(output_tokens), 0)::bigint AS "outputTokens", COALESCE(sum(cost_micros), 0)::bigint AS "costMicros"
FROM usage_ledger WHERE workspace_id = $1`,
};
const QUOTA = {
  name: 'ledger_quota',
  text: `SELECT w.quota_limit_micros AS "limitMicros", COALESCE(q.used_micros, 0) AS "usedMicros",
  COALESCE(q.reserved_micros, 0) AS "reservedMicros"
FROM workspaces w LEFT JOIN quotas q ON q.workspace_id = w.id AND q.period = $2 WHERE w.id = $1`,
};
const SET_LIMIT = {
  name: 'ledger_set_limit',
  text: 'UPDATE workspaces SET quota_limit_micros = $2 WHERE id = $1',
};

const AUDIT_FINDINGS_MAX = 1_000;
const SUMS = (from: string) => `SELECT count(*) AS messages,
  COALESCE(sum(input_tokens), 0)::bigint AS "inputTokens", COALESCE(sum(output_tokens), 0)::bigint AS "outputTokens",
  COALESCE(sum(cost_micros), 0)::bigint AS "costMicros" FROM ${from}`;
/** One statement, and so one moment: settlements may go on meanwhile. */
const SUMMED = {
  name: 'ledger_summed',
  text: `SELECT (SELECT count(*) FROM runs) AS "runCount",
  (SELECT row_to_json(u) FROM (${SUMS('runs WHERE settled_at IS NOT NULL')}) u) AS usage,
  (SELECT row_to_json(l) FROM (${SUMS('usage_ledger')}) l) AS ledger`,
};
const MISMATCHED = {
  name: 'ledger_mismatched',
  text: `
SELECT COALESCE(r.id, l.run_id) AS id
FROM (SELECT * FROM runs WHERE settled_at IS NOT NULL) r FULL JOIN usage_ledger l ON l.run_id = r.id
WHERE (r.workspace_id, r.user_id, r.input_tokens, r.output_tokens, r.cost_micros, r.estimated)
  IS DISTINCT FROM (l.workspace_id, l.user_id, l.input_tokens, l.output_tokens, l.cost_micros, l.estimated)
ORDER BY 1 LIMIT $1`,
};
const ORPHANED = {
  name: 'ledger_orphaned',
  text: `SELECT v.run_id AS id FROM reservations v LEFT JOIN runs r ON r.id = v.run_id
WHERE r.id IS NULL OR r.settled_at IS NOT NULL ORDER BY 1 LIMIT $1`,
};
const UNRESERVED = {
  name: 'ledger_unreserved',
  text: `SELECT r.id FROM runs r LEFT JOIN reservations v ON v.run_id = r.id
WHERE v.run_id IS NULL AND r.settled_at IS NULL ORDER BY 1 LIMIT $1`,
};
/** Of workspaces that exist: the counters of a deleted one went with it, its ledger stays. */
const MISCOUNTED = {
  name: 'ledger_miscounted',
  text: `
SELECT workspace_id AS "workspaceId", period FROM quotas q FULL JOIN (
  SELECT workspace_id, period, sum(used)::bigint AS used, sum(reserved)::bigint AS reserved FROM (
    SELECT workspace_id, period, cost_micros AS used, 0 AS reserved FROM usage_ledger
    UNION ALL SELECT workspace_id, period, 0, amount_micros FROM reservations) parts
  GROUP BY workspace_id, period) counted USING (workspace_id, period)
WHERE (COALESCE(q.used_micros, 0), COALESCE(q.reserved_micros, 0))
  IS DISTINCT FROM (COALESCE(counted.used, 0), COALESCE(counted.reserved, 0))
  AND EXISTS (SELECT FROM workspaces w WHERE w.id = workspace_id)
ORDER BY 1, 2 LIMIT $1`,
};

const totalsRow = z.object({
  messages: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  costMicros: z.int(),
});
const quotaRow = z.object({
  limitMicros: z.int().nullable(),
  usedMicros: z.int(),
  reservedMicros: z.int(),
});
const summed = z.tuple([z.object({ runCount: z.int(), usage: totalsRow, ledger: totalsRow })]);
const quotas = z.array(
  z.object({ workspaceId: z.string().transform((id) => trustedId('wsp', id)), period: z.string() }),
);
const ids = z.array(z.object({ id: z.string().transform((id) => trustedId('run', id)) }));

export class PostgresUsageLedger implements UsageLedger {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async totals({ workspaceId }: WorkspaceScope): Promise<UsageTotals> {
    const [row] = await this.#database.query(TOTALS, [workspaceId]);
    return totalsRow.parse(row);
  }

  async quota({ workspaceId }: WorkspaceScope, now: number): Promise<Quota> {
    const [row] = await this.#database.query(QUOTA, [workspaceId, quotaPeriod(now)]);
    const found = row ?? { limitMicros: null, usedMicros: 0, reservedMicros: 0 };
    return { ...quotaRow.parse(found), resetsAt: nextPeriodStart(now) };
  }

  async setQuotaLimit({ workspaceId }: WorkspaceScope, limitMicros: number | null): Promise<void> {
    await this.#database.query(SET_LIMIT, [workspaceId, limitMicros]);
  }

  async audit(_scope: SystemScope): Promise<LedgerAudit> {
    const [sums] = summed.parse(await this.#database.query(SUMMED, []));
    const findings = async (statement: typeof MISMATCHED) =>
      ids.parse(await this.#database.query(statement, [AUDIT_FINDINGS_MAX])).map(({ id }) => id);
    return {
      ...sums,
      mismatched: await findings(MISMATCHED),
      orphanedReservations: await findings(ORPHANED),
      unreserved: await findings(UNRESERVED),
      miscountedQuotas: quotas.parse(await this.#database.query(MISCOUNTED, [AUDIT_FINDINGS_MAX])),
    };
  }
}
