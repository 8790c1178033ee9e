import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migratePostgres, migrationStatus } from '../../../src/adapters/postgres/migrate.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { sha256, silentLog } from './harness.ts';
import { schemaAsSql } from './schema-engine.ts';

const FOLDER = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));
const log = silentLog;
let server: TestPostgres;

beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.close());

async function rowsOf(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('migrations', () => {
  it('are applied once by many processes that start together, with the checksums of Prisma', async () => {
    const url = await server.createDatabase();
    expect((await migrationStatus({ url, log })).applied).toEqual([]);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => migratePostgres({ url, log })));
    const { applied, pending } = await migrationStatus({ url, log });
    expect(pending).toEqual([]);
    expect(applied.length).toBeGreaterThan(0);
    expect(outcomes.filter((names) => names.length > 0)).toEqual([applied]);
    const rows = await rowsOf(
      url,
      'SELECT migration_name, checksum FROM _prisma_migrations ORDER BY started_at',
    );
    const expected = applied.map(async (name) => ({
      migration_name: name,
      checksum: sha256(await readFile(join(FOLDER, name, 'migration.sql'), 'utf8')),
    }));
    expect(rows).toEqual(await Promise.all(expected));
  });

  it('are refused when the history was changed, or is of a newer version', async () => {
    const url = await server.createDatabase();
    await migratePostgres({ url, log });
    const folder = await mkdtemp(join(tmpdir(), 'multidb-migrations-'));
    try {
      await cp(FOLDER, folder, { recursive: true });
      const { applied } = await migrationStatus({ url, log, folder });
      const file = join(folder, String(applied[0]), 'migration.sql');
      await writeFile(file, `${await readFile(file, 'utf8')}\n-- changed`);
      const refusal = { name: 'DomainError', code: 'CONFLICT' };
      await expect(migratePostgres({ url, log, folder })).rejects.toMatchObject(refusal);
      await expect(migrationStatus({ url, log, folder })).rejects.toThrow('was changed after it was applied');
      await rm(join(folder, String(applied[0])), { recursive: true });
      await expect(migratePostgres({ url, log, folder })).rejects.toThrow('unknown here');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('leave nothing behind when one fails', async () => {
    const url = await server.createDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'multidb-migrations-'));
    try {
      await cp(FOLDER, folder, { recursive: true });
      const broken = join(folder, '29990101000000_broken');
      await cp(join(FOLDER, String((await migrationStatus({ url, log })).pending[0])), broken, {
        recursive: true,
      });
      await writeFile(join(broken, 'migration.sql'), 'CREATE TABLE half (id int); SELECT 1 / 0;');
      await expect(migratePostgres({ url, log, folder })).rejects.toThrow('division by zero');
      const status = await migrationStatus({ url, log, folder });
      expect(status.pending).toEqual(['29990101000000_broken']);
      expect(await rowsOf(url, "SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('make what prisma/schema.prisma says', async () => {
    const [migrated, described] = [await server.createDatabase(), await server.createDatabase()];
    await migratePostgres({ url: migrated, log });
    await rowsOf(described, await schemaAsSql(described));
    const shape = await shapeOf(described);
    expect(shape.length).toBeGreaterThan(100);
    expect(await shapeOf(migrated)).toEqual(shape);
  });
});

/** Columns, keys and indexes; without what the schema language cannot say: checks and partial indexes. */
async function shapeOf(url: string): Promise<unknown[]> {
  return rowsOf(
    url,
    `SELECT table_name || '.' || column_name AS name,
       concat_ws(' ', udt_name, datetime_precision, is_nullable, column_default) AS definition
     FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'
     UNION ALL SELECT conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
     JOIN pg_class t ON t.oid = c.conrelid
     WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f') AND relname <> '_prisma_migrations'
     UNION ALL SELECT indexname, indexdef FROM pg_indexes
     WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' AND indexdef NOT LIKE '% WHERE %'
     ORDER BY 1, 2`,
  );
}
