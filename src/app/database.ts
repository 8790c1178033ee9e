import { startEmbeddedPostgres } from '../adapters/embedded/postgres/start-embedded-postgres.ts';
import { type Database, openPostgres } from '../adapters/postgres/database.ts';
import { migratePostgres } from '../adapters/postgres/migrate.ts';
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
  return database;
}
