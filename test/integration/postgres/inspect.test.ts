import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { inspectPostgres, ofServer } from '../../../src/adapters/postgres/inspect-postgres.ts';
import { migratePostgres } from '../../../src/adapters/postgres/migrate.ts';
import { relationsOf } from '../../../src/adapters/postgres/migrations.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { silentLog } from './harness.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.close());

const inspect = (url: string, poolSizeMax = 12) => inspectPostgres({ url, timeoutMs: 10_000, poolSizeMax });

async function problemsOf(url: string) {
  const { findings } = await inspect(url);
  return findings.filter(({ level }) => level === 'problem');
}

async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function migrated(): Promise<string> {
  const url = await server.createDatabase();
  await migratePostgres({ url, log: silentLog });
  return url;
}

function asUser(url: string, name: string, password = ''): string {
  const changed = new URL(url);
  changed.username = name;
  changed.password = password;
  return changed.href;
}

/** A user of the test's own who may read everything in the database and change nothing. */
async function reader(url: string): Promise<{ readonly name: string; readonly url: string }> {
  const name = `${new URL(url).pathname.slice(1)}_reader`;
  await run(url, `CREATE ROLE ${name} LOGIN`, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${name}`);
  onTestFinished(() => run(url, `DROP OWNED BY ${name}`, `DROP ROLE ${name}`));
  return { name, url: asUser(url, name) };
}

describe('looking at PostgreSQL', () => {
  it('finds a migrated database fit, and says which version it is', async () => {
    const url = await migrated();
    const { summary } = await inspect(url);
    expect(summary).toMatch(/^PostgreSQL \d+.*, database test_\w+, \d+ migrations?$/);
    expect(await problemsOf(url)).toEqual([]);
  });

  it('asks for the migration of an empty one', async () => {
    expect(await problemsOf(await server.createDatabase())).toEqual([
      expect.objectContaining({
        kind: 'migration',
        message: expect.stringMatching(/not applied; run `multidb migrate`/),
      }),
    ]);
  });

  it('names an index and a table that somebody dropped, and the migration that made them', async () => {
    const url = await migrated();
    await run(url, 'DROP INDEX runs_lease_idx', 'DROP TABLE uploads');
    const messages = (await problemsOf(url)).map(({ message }) => message);
    expect(messages).toContainEqual(
      expect.stringMatching(
        /^the index "runs_lease_idx" of migration \d+_init is missing; run its CREATE INDEX/,
      ),
    );
    expect(messages).toContainEqual(
      expect.stringMatching(/^the table "uploads" of migration \d+_init is missing/),
    );
  });

  it('says which grant a user who may only read lacks', async () => {
    const { name, url } = await reader(await migrated());
    expect(await problemsOf(url)).toEqual([
      expect.objectContaining({
        kind: 'configuration',
        message: expect.stringContaining(`user ${name} may not read and write table`),
      }),
    ]);
    expect((await problemsOf(url))[0]?.message).toContain(
      'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES',
    );
  });

  it('tells a database that is set to read only', async () => {
    const url = await migrated();
    await run(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`);
    expect((await problemsOf(url)).map(({ message }) => message)).toEqual([
      expect.stringContaining('default_transaction_read_only is on'),
    ]);
  });

  it('tells a clock that differs from ours', async () => {
    const url = await migrated();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(await problemsOf(url)).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/the clock of PostgreSQL is \d+ ms behind/) }),
    ]);
  });

  it('warns of a pool that one server cannot serve', async () => {
    const { findings } = await inspect(await migrated(), 10_000);
    expect(findings.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('DATABASE_POOL_SIZE_MAX 10000'),
    );
  });

  it('refuses a database that does not exist and a history of a newer version', async () => {
    const url = await migrated();
    await expect(inspect(`${url}_not`)).rejects.toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', retryable: false },
      message: 'DATABASE_URL: there is no such database; create it first.',
    });
    await run(url, "UPDATE _prisma_migrations SET migration_name = '29990101000000_later'");
    await expect(inspect(url)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/^DATABASE_URL: .*29990101000000_later was applied but is unknown here/),
    });
  });

  it('refuses a wrong password without repeating it', async () => {
    const own = await startTestPostgres({ own: true, password: 'right' });
    onTestFinished(() => own.close());
    await expect(inspect(own.url)).resolves.toMatchObject({ summary: expect.any(String) });
    const { username } = new URL(own.url);
    const failure = await inspect(asUser(own.url, username, 'wrong-secret')).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', retryable: false },
      message: 'DATABASE_URL: the server refused user and password.',
    });
  });

  it('says that a disk is full, and that trying again may help', async () => {
    const url = await migrated();
    await run(
      url,
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE 'No space left on device' USING ERRCODE = 'disk_full'; END $$`,
      'CREATE TRIGGER refuse BEFORE INSERT ON users EXECUTE FUNCTION refuse()',
    );
    const { openPostgres } = await import('../../../src/adapters/postgres/database.ts');
    const database = openPostgres({ url, poolSizeMax: 1, statementTimeoutMs: 10_000, log: silentLog });
    onTestFinished(() => database.close());
    const insert = {
      name: 'insert',
      text: "INSERT INTO users (id, email, password_hash) VALUES ('u', 'e', 'h')",
    };
    await expect(database.query(insert, [])).rejects.toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', retryable: true },
      message: 'The disk of the database is full.',
    });
  });

  it('knows which servers it cannot run on', () => {
    const fit = {
      ...{ version: '15.4', version_number: 150_004, encoding: 'UTF8', user: 'u', database: 'd' },
      ...{ schema: 'public', is_standby: false, is_read_only: false, fsync: 'on', synchronous_commit: 'on' },
      ...{ connections_max: 100, now_ms: 0 },
    };
    const said = (change: Partial<typeof fit>) =>
      ofServer({ ...fit, ...change }).map(({ message }) => message);
    expect(said({})).toEqual([]);
    expect(said({ version: '12.4', version_number: 120_004 })).toEqual([
      'PostgreSQL 12.4 is too old; 14 or newer is needed.',
    ]);
    expect(said({ encoding: 'LATIN1' })).toEqual([expect.stringContaining("ENCODING 'UTF8'")]);
    expect(said({ is_standby: true })).toEqual([expect.stringContaining('name the primary')]);
  });
});

describe('what migrations leave behind', () => {
  it('follows what later ones drop and rename', () => {
    const migration = (name: string, sql: string) => ({ name, sql, checksum: '' });
    const relations = relationsOf([
      migration(
        '1',
        'CREATE TABLE "a" (x int);\nCREATE UNIQUE INDEX "a_x" ON "a"(x);\ncreate table b (y int);',
      ),
      migration('2', 'DROP INDEX "a_x";\nALTER TABLE "b" RENAME TO "c";\nALTER TABLE "a" ADD COLUMN z int;'),
    ]);
    expect(relations).toEqual([
      { kind: 'TABLE', name: 'a', migration: '1' },
      { kind: 'TABLE', name: 'c', migration: '2' },
    ]);
  });
});
