import pg from 'pg';
import { toDomainError } from './errors.ts';

const LOCK_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

export interface AdminClientOptions {
  readonly url: string;
  /** As `pg_stat_activity` shows it, after the name of this program. */
  readonly purpose: string;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs?: number;
}

/** One connection of its own for the length of `work`; a lock that belongs to it ends with it, whatever happened. */
export async function withAdminClient<T>(
  options: AdminClientOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: `multidb-ai ${options.purpose}`,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    statement_timeout: options.statementTimeoutMs,
  });
  // A lost connection also rejects the pending query, which is where it is reported.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw toDomainError(error);
  } finally {
    await client.end();
  }
}
