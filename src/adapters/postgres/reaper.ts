import type { Clock, Log } from '../../domain/ports/system.ts';
import type { Database, Statement } from './database.ts';

const INTERVAL_MS = 5 * 60_000;
const BATCH_SIZE_MAX = 1_000;
const DEAD_JOB_MS = 90 * 24 * 60 * 60_000;

/** Rows of `table` older than a moment ($1), at most $2; what another process is just deleting is skipped. */
function reap(table: string, key: string, condition: string): Statement {
  const due = `SELECT ${key} FROM ${table} WHERE ${condition} LIMIT $2 FOR UPDATE SKIP LOCKED`;
  return { name: `reap_${table}`, text: `DELETE FROM ${table} WHERE (${key}) IN (${due}) RETURNING 1` };
}
const CLAIM_KEY = 'workspace_id, principal_key, operation, key';
const CHORES: readonly { readonly statement: Statement; readonly ageMs: number }[] = [
  { statement: reap('idempotency_keys', CLAIM_KEY, 'expires_at <= $1'), ageMs: 0 },
  { statement: reap('sessions', 'id', 'expires_at <= $1'), ageMs: 0 },
  { statement: reap('refresh_tokens', 'token_hash', 'expires_at <= $1'), ageMs: 0 },
  { statement: reap('jobs', 'id', `state = 'dead' AND due_at <= $1`), ageMs: DEAD_JOB_MS },
];

/** Deletes what has expired, now and then, so that no table grows with time alone. Any number may run at once. */
export class PostgresReaper {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;

  constructor(database: Database, deps: { readonly clock: Clock; readonly log: Log }) {
    this.#database = database;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#loop = this.#run();
  }

  /** One round; returns the number of rows deleted. */
  async reap(): Promise<number> {
    let total = 0;
    for (const { statement, ageMs } of CHORES) {
      const before = new Date(this.#clock.now() - ageMs);
      let deleted: number;
      do {
        deleted = (await this.#database.query(statement, [before, BATCH_SIZE_MAX])).length;
        total += deleted;
      } while (deleted === BATCH_SIZE_MAX && !this.#closing.signal.aborted);
    }
    return total;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(INTERVAL_MS, signal);
        const rows = await this.reap();
        if (rows > 0) this.#log.debug({ rows }, 'expired rows deleted');
      } catch (error) {
        if (!signal.aborted) this.#log.warn({ reason: String(error) }, 'expired rows not deleted');
      }
    }
  }
}
