import { startEmbeddedPostgres } from '../adapters/embedded/postgres/start-embedded-postgres.ts';
import { type Database, openPostgres } from '../adapters/postgres/database.ts';
import { migratePostgres, migrationStatus } from '../adapters/postgres/migrate.ts';
import { DomainError } from '../domain/errors.ts';
import type { Log } from '../domain/ports/system.ts';
import type { OpenContext } from './open-context.ts';

/** The PostgreSQL of DATABASE_URL, or the one of the data folder; it and what it needs are on the shutdown stack. */
export async function openDatabase(context: OpenContext, postgresFolder: string): Promise<Database> {
  const { config, log, shutdown, signal } = context;
  let url = config.DATABASE_URL;
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ folder: postgresFolder, log, signal });
    shutdown.add('embedded PostgreSQL', () => embedded.close(), 45_000);
    url = embedded.url;
  }
  const database = openPostgres({
    url,
    poolSizeMax: config.DATABASE_POOL_SIZE_MAX,
    statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    log,
  });
  shutdown.add('PostgreSQL', () => database.close());
  if (config.DATABASE_URL === undefined) await migratePostgres({ url, log });
  else await requireMigrated(url, log);
  return database;
}

/** A server of others is changed by `multidb migrate` alone, when its owner says so. */
async function requireMigrated(url: string, log: Log): Promise<void> {
  const { pending } = await migrationStatus({ url, log });
  if (pending.length === 0) return;
  throw new DomainError(
    'STORE_UNAVAILABLE',
    `DATABASE_URL: ${pending.length} migrations are not applied; run \`multidb migrate\` first.`,
  );
}
