import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { DomainError } from '../../domain/errors.ts';
import type { Log } from '../../domain/ports/system.ts';
import { toDomainError } from './errors.ts';

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
interface Migration {
  readonly name: string;
  readonly sql: string;
  /** As Prisma computes it: lower-case hex SHA-256 of the file. */
  readonly checksum: string;
}

// The same place seen from src/adapters/postgres and from dist/adapters/postgres.
const FOLDER = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));
/** Prisma's own lock key: its command line and we wait for each other. */
const LOCK_KEY = 72_707_369;
const LOCK_TIMEOUT_MS = 60_000;
const STATEMENT_TIMEOUT_MS = 10 * 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

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
  const migrations = await loadMigrations(options.folder ?? FOLDER);
  return withClient(options.url, async (client) => {
    if (pendingOf(migrations, await history(client)).length === 0) return [];
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
    await client.query(HISTORY_TABLE);
    const pending = pendingOf(migrations, await history(client));
    for (const migration of pending) {
      await apply(client, migration);
      options.log.info({ migration: migration.name }, 'migration applied');
    }
    return pending.map(({ name }) => name);
  });
}

/** Throws CONFLICT like `migratePostgres`; changes nothing. */
export async function migrationStatus(options: MigrationOptions): Promise<MigrationStatus> {
  const migrations = await loadMigrations(options.folder ?? FOLDER);
  return withClient(options.url, async (client) => {
    const pending = pendingOf(migrations, await history(client));
    const applied = migrations.filter((migration) => !pending.includes(migration));
    return { applied: applied.map(({ name }) => name), pending: pending.map(({ name }) => name) };
  });
}

async function loadMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(`${folder}/${name}/migration.sql`, 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** The advisory lock belongs to the connection: ending it releases the lock, whatever happened. */
async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'multidb-ai migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
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

interface HistoryRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

async function history(client: pg.Client): Promise<readonly HistoryRow[]> {
  const found = await client.query<{ found: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`,
  );
  if (found.rows[0]?.found !== true) return [];
  const { rows } = await client.query<HistoryRow>(
    `SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL
     ORDER BY started_at`,
  );
  return rows;
}

function pendingOf(migrations: readonly Migration[], rows: readonly HistoryRow[]): readonly Migration[] {
  const refuse = (name: string, why: string): never => {
    throw new DomainError('CONFLICT', `The database's history disagrees with this version: ${name} ${why}.`);
  };
  for (const row of rows) {
    const migration = migrations.find(({ name }) => name === row.migration_name);
    if (migration === undefined)
      refuse(row.migration_name, 'was applied but is unknown here (a newer version ran?)');
    else if (row.finished_at === null) refuse(row.migration_name, 'was begun and never finished');
    else if (row.checksum !== migration.checksum)
      refuse(row.migration_name, 'was changed after it was applied');
  }
  const applied = new Set(rows.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !applied.has(name));
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
