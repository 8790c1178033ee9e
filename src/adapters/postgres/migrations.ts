import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { DomainError } from '../../domain/errors.ts';

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** As Prisma computes it: lower-case hex SHA-256 of the file. */
  readonly checksum: string;
}

// The same place seen from src/adapters/postgres and from dist/adapters/postgres.
const FOLDER = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** In the order in which they are applied. Default: prisma/migrations of this package. */
export async function loadMigrations(folder = FOLDER): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(`${folder}/${name}/migration.sql`, 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

interface HistoryRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

export async function readHistory(client: pg.Client): Promise<readonly HistoryRow[]> {
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

/** Throws CONFLICT when the database's history is not a part of ours. */
export function pendingOf(
  migrations: readonly Migration[],
  rows: readonly HistoryRow[],
): readonly Migration[] {
  const refuse = (name: string, why: string): never => {
    throw new DomainError(
      'CONFLICT',
      `DATABASE_URL: the database's history disagrees with this version: ${name} ${why}.`,
    );
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

/** A table or an index that a migration left behind. */
export interface Relation {
  readonly kind: 'TABLE' | 'INDEX';
  readonly name: string;
  /** The migration that made it. */
  readonly migration: string;
}

/** Statements that make, drop or rename a whole table or index; the names, with or without quotes. */
const STATEMENT =
  /^\s*(?:(CREATE)\s+(?:UNIQUE\s+|UNLOGGED\s+)?|(DROP)\s+|ALTER\s+)(TABLE|INDEX)\s+(?:CONCURRENTLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"?(\w+)"?(?:\s+RENAME\s+TO\s+"?(\w+)"?)?/gim;

/** Indexes that belong to a constraint are seen to by PostgreSQL itself. */
export function relationsOf(migrations: readonly Migration[]): readonly Relation[] {
  const relations = new Map<string, Relation>();
  for (const { name: migration, sql } of migrations) {
    for (const [, create, drop, word = '', name = '', newName] of sql.matchAll(STATEMENT)) {
      const kind = word.toUpperCase() === 'TABLE' ? 'TABLE' : 'INDEX';
      if (create !== undefined) relations.set(name, { kind, name, migration });
      else if (drop !== undefined) relations.delete(name);
      else if (newName !== undefined && relations.delete(name))
        relations.set(newName, { kind, name: newName, migration });
    }
  }
  return [...relations.values()];
}
