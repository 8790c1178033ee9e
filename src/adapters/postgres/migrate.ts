import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Log } from '../../domain/ports/system.ts';
import { withAdminClient } from './admin-client.ts';
import { loadMigrations, type Migration, pendingOf, readHistory } from './migrations.ts';

export interface MigrationOptions {
  readonly url: string;
  readonly log: Log;
  /** Default: prisma/migrations of this package. */
  readonly folder?: string;
}
export interface MigrationStatus {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}
/** Prisma's own lock key: its command line and we wait for each other. */
const LOCK_KEY = 72_707_369;
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

/** Byte for byte the table of Prisma's schema engine, so that its command line agrees with our history. */
const HISTORY_TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

/**
 * Applies what is pending, each migration in one transaction; returns the names. Safe from many processes at once: they
 * queue, and the later ones find nothing to do. Throws CONFLICT when the database's history is not a part of ours.
 */
export async function migratePostgres(options: MigrationOptions): Promise<readonly string[]> {
  const migrations = await loadMigrations(options.folder);
  return withAdminClient(connectionOf(options), async (client) => {
    if (pendingOf(migrations, await readHistory(client)).length === 0) return [];
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
    await client.query(HISTORY_TABLE);
    const pending = pendingOf(migrations, await readHistory(client));
    for (const migration of pending) {
      await apply(client, migration);
      options.log.info({ migration: migration.name }, 'migration applied');
    }
    return pending.map(({ name }) => name);
  });
}

/** Throws CONFLICT like `migratePostgres`; changes nothing. */
export async function migrationStatus(options: MigrationOptions): Promise<MigrationStatus> {
  const migrations = await loadMigrations(options.folder);
  return withAdminClient(connectionOf(options), async (client) => {
    const pending = pendingOf(migrations, await readHistory(client));
    const applied = migrations.filter((migration) => !pending.includes(migration));
    return { applied: applied.map(({ name }) => name), pending: pending.map(({ name }) => name) };
  });
}

function connectionOf({ url }: MigrationOptions) {
  return { url, purpose: 'migrate', statementTimeoutMs: STATEMENT_TIMEOUT_MS };
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
