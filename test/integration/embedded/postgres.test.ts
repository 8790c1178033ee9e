import { chmod, cp, lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { binariesIn, findBinaries } from '../../../src/adapters/embedded/postgres/binaries.ts';
import { isPostmaster, readPostmasterFile } from '../../../src/adapters/embedded/postgres/postmaster.ts';
import { findServiceUser, type RunAs } from '../../../src/adapters/embedded/postgres/run-as.ts';
import { startEmbeddedPostgres } from '../../../src/adapters/embedded/postgres/start-embedded-postgres.ts';
import { Child } from './support/child.ts';
import { cleanUp, silentLog, temporaryFolder } from './support/temporary.ts';

const isRoot = process.getuid?.() === 0;

async function start(folder: string, extra: { runAs?: RunAs; native?: string } = {}) {
  const postgres = await startEmbeddedPostgres({
    folder,
    log: silentLog,
    runAs: extra.runAs,
    binaries: extra.native === undefined ? undefined : binariesIn(extra.native),
  });
  cleanUp(() => postgres.close());
  return postgres;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const dataOf = (folder: string) => join(folder, 'cluster', 'data');
const pidOf = (folder: string) => readPostmasterFile(dataOf(folder))?.pid;
async function untilStopped(folder: string, pid: number): Promise<void> {
  await expect.poll(() => isPostmaster(pid, dataOf(folder)), { timeout: 20_000, interval: 50 }).toBe(false);
}

describe('the embedded PostgreSQL', () => {
  it('is made durable, private and in UTF-8, and keeps what was written', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    const first = await start(folder);
    const settings = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
      current_setting('server_encoding') AS encoding, current_database() AS database`;
    expect(await query(first.url, settings)).toEqual([
      { fsync: 'on', commit: 'on', encoding: 'UTF8', database: 'multidb' },
    ]);
    await query(first.url, 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
    expect((await stat(join(folder, 'cluster', 'password'))).mode & 0o777).toBe(0o600);
    await first.close();
    expect(pidOf(folder)).toBeUndefined();

    const second = await start(folder);
    expect(await query(second.url, 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
  });

  it('refuses a wrong password', async () => {
    const { url } = await start(join(await temporaryFolder(), 'postgres'));
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  });

  it('is shared: the first to leave does not stop it, the last one does', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    const [first, second] = await Promise.all([start(folder), start(folder)]);
    expect(first.url).toBe(second.url);
    await first.close();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.close();
    expect(pidOf(folder)).toBeUndefined();
  });

  it('outlives the kill -9 of its starter and is adopted by the next process', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    const child = new Child('hold-postgres.ts', [folder]);
    const started = await child.next<{ url: string }>();
    const pid = pidOf(folder);
    await child.kill('SIGKILL');
    const adopted = await start(folder);
    expect(adopted.url).toBe(started?.url);
    expect(pidOf(folder)).toBe(pid);
    expect(await query(adopted.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is stopped by the watchdog when its only user was killed', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    const child = new Child('hold-postgres.ts', [folder]);
    await child.next();
    const pid = pidOf(folder) ?? 0;
    expect(await isPostmaster(pid, dataOf(folder))).toBe(true);
    await child.kill('SIGKILL');
    await untilStopped(folder, pid);
    // A clean stop, not a crash.
    await expect.poll(() => pidOf(folder), { timeout: 20_000 }).toBeUndefined();
  });

  it('is started again when it died under its user', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    const { url } = await start(folder);
    const pid = pidOf(folder) ?? 0;
    process.kill(pid, 'SIGKILL');
    await untilStopped(folder, pid);
    const answer = () => query(url, 'SELECT 1 AS one').catch(() => []);
    await expect.poll(answer, { timeout: 20_000 }).toEqual([{ one: 1 }]);
    expect(pidOf(folder)).not.toBe(pid);
  });

  it('starts although its pid file names a living process that is somebody else', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    await (await start(folder)).close();
    await writeFile(
      join(dataOf(folder), 'postmaster.pid'),
      `${process.pid}\n${dataOf(folder)}\n0\n5432\n\n\n`,
    );
    const { url } = await start(folder);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('listens on loopback where the folder is too deep for a socket', async () => {
    const folder = join(await temporaryFolder(), 'a'.repeat(90), 'postgres');
    const { url } = await start(folder);
    expect(new URL(url).hostname).toBe('127.0.0.1');
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('works where the package was installed without running its scripts', async () => {
    const root = await temporaryFolder();
    const native = join(root, 'package', 'native');
    const source = findBinaries().nativeFolder;
    const filter = async (path: string) => !(await lstat(path)).isSymbolicLink();
    await cp(source, native, { recursive: true, filter, verbatimSymlinks: true });
    for (const program of ['initdb', 'postgres']) await chmod(join(native, 'bin', program), 0o644);
    const { url } = await start(join(root, 'postgres'), { native });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.runIf(isRoot)('runs as another user where namespaces are forbidden', async () => {
    const root = await temporaryFolder();
    await chmod(root, 0o711);
    const folder = join(root, 'data', 'postgres');
    await mkdir(join(root, 'data'), { mode: 0o700 });
    const runAs = findServiceUser(await readFile('/etc/passwd', 'utf8'));
    const { url } = await start(folder, { runAs });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const owner = runAs.kind === 'user' ? runAs.uid : -1;
    expect((await stat(dataOf(folder))).uid).toBe(owner);
  });
});

describe('an embedded PostgreSQL that cannot start says why in one sentence', () => {
  it('for a platform without binaries', () => {
    expect(() => findBinaries('sunos', 'sparc')).toThrow(/sunos-sparc: set DATABASE_URL/);
  });

  it('for data of another version', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    await (await start(folder)).close();
    await writeFile(join(dataOf(folder), 'PG_VERSION'), '17\n');
    await expect(start(folder)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/written by PostgreSQL 17; this program carries PostgreSQL 18/),
    });
  });

  it('for damaged data', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    await (await start(folder)).close();
    await rm(join(dataOf(folder), 'global'), { recursive: true });
    await expect(start(folder)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/damaged/),
    });
    // Nothing is left running.
    expect(pidOf(folder)).toBeUndefined();
  });

  it('for a folder whose path is a file', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(start(join(file, 'postgres'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('and stops waiting when it is told to', async () => {
    const folder = join(await temporaryFolder(), 'postgres');
    const reason = new Error('enough');
    const starting = startEmbeddedPostgres({ folder, log: silentLog, signal: AbortSignal.abort(reason) });
    await expect(starting).rejects.toBe(reason);
  });
});
