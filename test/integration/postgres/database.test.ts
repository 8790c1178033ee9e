import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openPostgres } from '../../../src/adapters/postgres/database.ts';
import { migratePostgres } from '../../../src/adapters/postgres/migrate.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { silentLog } from './harness.ts';

let server: TestPostgres;
const opened: Database[] = [];
beforeAll(async () => {
  server = await startTestPostgres();
  await migratePostgres({ url: server.url, log: silentLog });
});
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
  await server.close();
});

function open(
  url = server.url,
  change: { poolSizeMax?: number; statementTimeoutMs?: number } = {},
): Database {
  const defaults = { poolSizeMax: 2, statementTimeoutMs: 10_000, acquireTimeoutMs: 300 };
  const database = openPostgres({ ...defaults, ...change, url, log: silentLog });
  opened.push(database);
  return database;
}
const raw = (text: string) => ({ name: text, text });
const unavailable = { name: 'DomainError', code: 'STORE_UNAVAILABLE', retryable: true };

describe('the database', () => {
  it('says unavailable, in every way of asking, when nobody listens', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const address = probe.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    probe.close();
    await once(probe, 'close');
    const database = open(`postgresql://nobody@127.0.0.1:${port}/none`);
    await expect(database.health(new AbortController().signal)).rejects.toMatchObject(unavailable);
    await expect(database.query(raw('SELECT 1'), [])).rejects.toMatchObject(unavailable);
    await expect(database.orm((prisma) => prisma.user.count())).rejects.toMatchObject(unavailable);
    await expect(database.transaction(async () => 1)).rejects.toMatchObject(unavailable);
  });

  it('says unavailable when a server accepts and never answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const database = open(`postgresql://nobody@127.0.0.1:${port}/none`);
    await expect(database.query(raw('SELECT 1'), [])).rejects.toMatchObject(unavailable);
    await expect(database.orm((prisma) => prisma.user.count())).rejects.toMatchObject(unavailable);
    silent.close();
  });

  it('says unavailable, not for ever waiting, when the pool is exhausted', async () => {
    const database = open(server.url, { poolSizeMax: 1 });
    const held = await database.pool.connect();
    await expect(database.query(raw('SELECT 1'), [])).rejects.toMatchObject(unavailable);
    await expect(database.orm((prisma) => prisma.user.count())).rejects.toMatchObject(unavailable);
    expect(database.gauges()).toEqual({ open: 1, idle: 0, waiting: 0 });
    held.release();
    expect(await database.orm((prisma) => prisma.user.count())).toBe(0);
  });

  it('cancels what takes too long', async () => {
    const database = open(server.url, { statementTimeoutMs: 50 });
    const tooSlow = { code: 'DEADLINE_EXCEEDED' };
    await expect(database.query(raw('SELECT pg_sleep(30)'), [])).rejects.toMatchObject(tooSlow);
    await expect(
      database.orm((prisma) => prisma.$queryRaw`SELECT 1 FROM pg_sleep(30)`),
    ).rejects.toMatchObject(tooSlow);
    expect(await database.query(raw('SELECT 1 AS one'), [])).toEqual([{ one: 1 }]);
  });

  it('survives the loss of its connections, idle ones and one inside a transaction', async () => {
    const [database, killer] = [open(), open()];
    const pid = raw('SELECT pg_backend_pid() AS pid');
    const kill = (rows: readonly unknown[]) =>
      killer.pool.query('SELECT pg_terminate_backend($1, 5000)', [(rows[0] as { pid: number }).pid]);
    await kill(await database.query(pid, []));
    const broken = database.transaction(async (query) => {
      await kill(await query(pid, []));
      await query(raw('SELECT 1'), []);
    });
    await expect(broken).rejects.toMatchObject(unavailable);
    expect(await database.query(raw('SELECT 1 AS one'), [])).toEqual([{ one: 1 }]);
    expect(await database.orm((prisma) => prisma.user.count())).toBe(0);
  });

  it('rolls a failed transaction back', async () => {
    const database = open(server.url, { poolSizeMax: 1 });
    const failed = database.transaction(async (query) => {
      await query(raw("INSERT INTO reservations VALUES ('r', 'w', '2026-01', 1)"), []);
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await database.query(raw('SELECT count(*) AS count FROM reservations'), [])).toEqual([
      { count: 0 },
    ]);
  });

  it('gives up a health check with its signal', async () => {
    const database = open(server.url, { poolSizeMax: 1 });
    const held = await database.pool.connect();
    const controller = new AbortController();
    const health = database.health(controller.signal);
    controller.abort(new Error('enough'));
    await expect(health).rejects.toThrow('enough');
    held.release();
  });

  it('works through a socket file, with a password and an empty host', async () => {
    // A server given by DATABASE_URL_TEST may stand on another machine.
    const local = await startTestPostgres({ own: true });
    onTestFinished(() => local.close());
    await migratePostgres({ url: local.url, log: silentLog });
    const { pathname } = new URL(local.url);
    const { rows } = await open(local.url).pool.query<{ folder: string; port: string; name: string }>(
      `SELECT split_part(current_setting('unix_socket_directories'), ',', 1) AS folder,
         current_setting('port') AS port, current_user AS name`,
    );
    const { folder, port, name } = rows[0] ?? { folder: '', port: '', name: '' };
    const url = `postgresql://${name}:secret@${pathname}?host=${encodeURIComponent(folder)}&port=${port}`;
    const database = open(url);
    await database.health(new AbortController().signal);
    expect(await database.orm((prisma) => prisma.user.count())).toBe(0);
    expect(await migratePostgres({ url, log: silentLog })).toEqual([]);
    const { rows: peers } = await database.pool.query('SELECT inet_client_addr() AS address');
    expect(peers).toEqual([{ address: null }]);
  });
});
