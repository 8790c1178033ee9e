import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { inspectSchema, migrateScylla } from '../../../src/adapters/scylla/migrate-scylla.ts';
import { openScyllaStores } from '../../../src/adapters/scylla/open-scylla-stores.ts';
import { createTable, TABLES } from '../../../src/adapters/scylla/schema.ts';
import { newMessage, newScope } from '../../support/fixtures.ts';
import { nameOf, newKeyspace, serverUrl, silentLog, type TestKeyspace } from './harness.ts';

const EVERYTHING = TABLES.map(({ name }) => `table ${name}`);

describe.skipIf(serverUrl === undefined)(nameOf('migrating ScyllaDB'), () => {
  let keyspace: TestKeyspace;
  beforeAll(async () => {
    keyspace = await newKeyspace();
  });
  afterAll(() => keyspace.drop());

  const fresh = async () => {
    const made = await newKeyspace();
    onTestFinished(() => made.drop());
    return made;
  };
  const migrate = (url: string) => migrateScylla({ url, log: silentLog });
  const inspect = (url: string) => inspectSchema({ url, log: silentLog });
  const withTables = async () => {
    const made = await fresh();
    const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    await made.admin.execute(`CREATE KEYSPACE ${made.name} WITH replication = ${replication}`);
    return made;
  };

  it('from several processes at once makes everything, once', async () => {
    const before = await inspect(keyspace.url);
    expect(before.pending).toEqual([`keyspace ${keyspace.name}`, ...EVERYTHING]);
    const reports = await Promise.all(Array.from({ length: 4 }, () => migrate(keyspace.url)));
    expect(reports.flat().length).toBeGreaterThan(EVERYTHING.length);
    expect(await inspect(keyspace.url)).toMatchObject({ pending: [], differences: [] });
    expect(await migrate(keyspace.url)).toEqual([]);
    const stores = openScyllaStores({ url: keyspace.url, log: silentLog });
    onTestFinished(() => stores.close());
    await stores.chatLog.appendMessage(newScope(), newMessage());
  });

  it('tells about the server', async () => {
    const { version, nodeCount, clock } = await inspect(keyspace.url);
    expect(version).toMatch(/^\d+\.\d+/);
    expect(nodeCount).toBeGreaterThan(0);
    expect(Math.abs(clock.server - clock.after)).toBeLessThan(60_000);
  });

  it('adds the columns that a table lacks, also from several processes', async () => {
    const { url, name, admin } = await withTables();
    const key = 'workspace_id text, run_id text, PRIMARY KEY ((workspace_id, run_id))';
    await admin.execute(`CREATE TABLE ${name}.answers (${key})`);
    expect((await inspect(url)).pending).toContain('column answers.events');
    await Promise.all([migrate(url), migrate(url)]);
    expect(await inspect(url)).toMatchObject({ pending: [], differences: [] });
  });

  it('says what differs, and then changes nothing', async () => {
    const { url, name, admin } = await withTables();
    const [messages] = TABLES;
    if (messages === undefined) throw new Error('no tables');
    const other = { ...messages, columns: { ...messages.columns, position: 'text' as const } };
    await admin.execute(createTable({ ...other, name: `${name}.messages` }));
    const key = 'PRIMARY KEY (workspace_id, run_id)';
    await admin.execute(`CREATE TABLE ${name}.answers (workspace_id text, run_id text, ${key})`);
    const differences = [
      'messages.position is text and must be int',
      'the key of answers is ((workspace_id), run_id asc) and must be ((workspace_id, run_id))',
    ];
    expect((await inspect(url)).differences).toEqual(differences);
    const message = `SCYLLA_URL: the tables differ from this version: ${differences.join('; ')}.`;
    await expect(migrate(url)).rejects.toMatchObject({ code: 'CONFLICT', message });
    const { rows } = await admin.execute(
      'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
      [name],
    );
    expect(rows.map((row) => String(row['table_name'])).sort()).toEqual(['answers', 'messages']);
  });

  it('is asked for where it was not done', async () => {
    const append = (url: string) => {
      const stores = openScyllaStores({ url, log: silentLog });
      onTestFinished(() => stores.close());
      return stores.chatLog.appendMessage(newScope(), newMessage());
    };
    const toMigrate = {
      code: 'STORE_UNAVAILABLE',
      retryable: false,
      message: expect.stringContaining('run `multidb migrate` first'),
    };
    await expect(append((await fresh()).url)).rejects.toMatchObject(toMigrate);
    await expect(append((await withTables()).url)).rejects.toMatchObject(toMigrate);
  });

  it('names the data centres that there are', async () => {
    const url = keyspace.url.replace(/\?.*$/, '').concat('?dc=elsewhere');
    const message = 'SCYLLA_URL: there is no data centre elsewhere; dc must be one of: datacenter1.';
    await expect(migrate(url)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: false,
      message,
    });
  });
});
