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
const COUNT_RUNS = { name: 'ledger_count_runs', text: 'SELECT count(*) AS count FROM runs' };
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
const counted = z.tuple([z.object({ count: z.int() })]);
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
    const [{ count }] = counted.parse(await this.#database.query(COUNT_RUNS, []));
    const mismatched = ids.parse(await this.#database.query(MISMATCHED, [AUDIT_FINDINGS_MAX]));
    const orphaned = ids.parse(await this.#database.query(ORPHANED, [AUDIT_FINDINGS_MAX]));
    return {
      runCount: count,
      mismatched: mismatched.map(({ id }) => id),
      orphanedReservations: orphaned.map(({ id }) => id),
    };
  }
}
