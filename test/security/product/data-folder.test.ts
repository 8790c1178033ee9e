import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { readConfig } from '../../../src/app/config.ts';
import { startSystem } from '../../../src/app/system.ts';
import { MultiDbClient } from '../../../src/client/index.ts';
import {
  CliProcess,
  DataFolderFixture,
  type Exit,
  processesOf,
  startServer,
} from '../../support/server-process.ts';
import { DEMO } from '../../support/system.ts';

const FULL_MEGABYTES = 192;
const START_TIMEOUT_MS = 60_000;
/** Its exit code tells scripts and supervisors that trying again does not help until a person looked. */
const FAILED = 1;

/** A start that must fail: how it ended, and the one sentence that says why. */
async function failingStart(folder: string, env: Readonly<Record<string, string>> = {}): Promise<Exit> {
  const child = new CliProcess(['all'], { PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'silent', ...env });
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const exit = await child.exited;
  clearTimeout(timer);
  return exit;
}
function expectSentence({ code, stdout, stderr }: Exit, ...words: readonly (string | RegExp)[]): void {
  expect({ code, stdout, lines: stderr.trim().split('\n').length }, stderr).toEqual({
    code: FAILED,
    stdout: '',
    lines: 1,
  });
  for (const word of words) expect(stderr).toMatch(word);
  expect(stderr).toMatch(/^multidb: .+\.$/m);
}

/** In this process, which is quicker where the exit code is not the point. */
const startHere = (folder: string, env: Readonly<Record<string, string>> = {}) =>
  startSystem({
    config: readConfig({ NODE_ENV: 'test', PORT: '0', DATA_DIR: folder, ...env }),
    log: noopLog,
    role: 'all',
    signal: new AbortController().signal,
  });

const isRoot = process.getuid?.() === 0;
/** Small file systems of their own, which only root may mount, and in many containers not even root. */
const canMount = isRoot && tryMount();
function tryMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(
      'data-folder.test.ts: mounting is not permitted; full and read-only disks are left out\n',
    );
    return false;
  }
}
const mount = (folder: string, options: string): void => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
};

describe('a data folder with data in it', () => {
  let folder: DataFolderFixture;
  let documentId: string;
  beforeAll(async () => {
    folder = await DataFolderFixture.make();
    const server = await startServer({ folder: folder.path });
    expect(server.process.stdout).toContain('seeded the demo user test@example.com');
    const client = await server.client();
    documentId = (await client.ingest({ text: 'The well is nine metres deep.' }).ready()).id;
    client.close();
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    await folder.quiet();
  }, 120_000);
  afterAll(() => folder.remove());

  it('is private, also under a parent that nobody else may enter', async () => {
    expect((await stat(folder.parent)).mode & 0o777).toBe(0o700);
    for (const part of ['.', 'secrets', 'blobs']) {
      expect((await stat(join(folder.path, part))).mode & 0o077).toBe(0);
    }
  });

  it.each([
    'format',
    'serving.sqlite',
    'chunks.sqlite',
    'secrets/access-token-key.json',
    'secrets/upload-signing-key.json',
    'postgres/cluster/data/PG_VERSION',
    'postgres/cluster/data/global/pg_control',
  ])('says so when %s is overwritten', { timeout: START_TIMEOUT_MS }, async (name) => {
    const path = join(folder.path, name);
    await copyFile(path, `${folder.parent}/saved`);
    const { size } = await stat(path);
    const garbage = name.endsWith('PG_VERSION') ? '' : 'garbage!'.repeat(size / 8 + 1);
    await writeFile(path, garbage);
    try {
      await expect(startHere(folder.path)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        retryable: false,
        message: expect.stringMatching(new RegExp(`${folder.path}.*damaged|damaged.*${folder.path}`)),
      });
      // Evidence is never tidied away.
      expect(await readFile(path, 'utf8')).toBe(garbage);
    } finally {
      await copyFile(`${folder.parent}/saved`, path);
    }
  });

  it('is served by one process, and whoever comes second is told', { timeout: 120_000 }, async () => {
    const server = await startServer({ folder: folder.path });
    expect(server.process.stdout).not.toContain('seeded');
    const client = await server.client();
    expectSentence(await failingStart(folder.path), `already served by process ${server.pid}`);
    // After all that was damaged and mended above, everything is there, and the first one never noticed.
    expect(await client.documents.text(documentId)).toBe('The well is nine metres deep.');
    expect((await client.ask('How deep is the well?').finished()).text).toContain('nine metres');
    client.close();
    await server.stop();
    await folder.quiet();
  });

  it('is left as it is when the port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(startHere(folder.path, { PORT: String(port) })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(new RegExp(`127.0.0.1:${port}.*in use`)),
    });
    taken.close();
    // Nothing of the failed start holds on to the folder.
    const system = await startHere(folder.path);
    await system.close();
  });

  it('opens nothing for the demo password in production, or off this machine', {
    timeout: 120_000,
  }, async () => {
    for (const env of [{ NODE_ENV: 'production' }, { HOST: '0.0.0.0' }]) {
      const system = await startHere(folder.path, env);
      expect(system.seeded).toBeUndefined();
      const client = new MultiDbClient({ url: system.url ?? '' });
      await expect(client.login(DEMO.email, DEMO.password)).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
      await system.close();
    }
  });

  it('is not seeded where the demo password opens nothing', async () => {
    const path = join(folder.parent, 'production');
    const system = await startHere(path, { NODE_ENV: 'production' });
    expect(system.seeded).toBeUndefined();
    await system.close();
  });
});

describe('a data folder that cannot be used', () => {
  let fixture: DataFolderFixture;
  beforeAll(async () => {
    fixture = await DataFolderFixture.make();
  });
  afterAll(() => fixture.remove());

  it('a file in its place', async () => {
    const path = join(fixture.parent, 'file');
    await writeFile(path, 'mine');
    await expect(startHere(path)).rejects.toThrow(`${path} is not a folder.`);
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('a folder of other files is left alone', async () => {
    const path = join(fixture.parent, 'home');
    await mkdir(path);
    await writeFile(join(path, 'letter.txt'), 'mine');
    expectSentence(await failingStart(path), 'holds other files', 'letter.txt');
    expect(processesOf(path)).toEqual([]);
  });

  it.skipIf(isRoot && !canMount)('one that cannot be written', { timeout: START_TIMEOUT_MS }, async () => {
    const path = join(fixture.parent, 'read-only');
    await mkdir(path, { mode: isRoot ? 0o700 : 0o500 });
    if (isRoot) mount(path, 'ro,size=1m');
    try {
      await expect(startHere(path)).rejects.toThrow(`${path} cannot be written`);
      await expect(startHere(join(path, 'below'))).rejects.toThrow('cannot be written');
    } finally {
      if (isRoot) execFileSync('umount', [path]);
    }
  });

  it.skipIf(!canMount)(
    'one on a disk that is full from the start',
    { timeout: START_TIMEOUT_MS },
    async () => {
      const path = join(fixture.parent, 'tiny');
      await mkdir(path);
      mount(path, 'size=8m');
      try {
        await expect(startHere(join(path, 'data'))).rejects.toThrow('full');
      } finally {
        execFileSync('umount', [path]);
      }
    },
  );
});

describe.skipIf(!canMount)('a disk that fills up while the server runs', () => {
  let fixture: DataFolderFixture;
  beforeAll(async () => {
    fixture = await DataFolderFixture.make();
    await mkdir(fixture.path);
    mount(fixture.path, `size=${FULL_MEGABYTES}m`);
  });
  afterAll(async () => {
    await fixture.quiet();
    execFileSync('umount', [fixture.path]);
    await fixture.remove();
  });

  it('refuses what it cannot keep, keeps what it has, and goes on with room', {
    timeout: 180_000,
  }, async () => {
    const server = await startServer({ folder: join(fixture.path, 'data') });
    const client = await server.client();
    const first = await client.ingest({ text: 'The attic holds seven boxes.' }).ready();
    const filler = join(fixture.path, 'filler');
    fill(filler);
    const failure = await client
      .ingest({ text: `Too late. ${'x'.repeat(2_000_000)}` }, { idempotencyKey: 'late' })
      .accepted.then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/full/) });
    await expectAnswers(client, first.id);
    await rename(filler, `${filler}.gone`);
    execFileSync('rm', [`${filler}.gone`]);
    const late = await client
      .ingest({ text: `Too late. ${'x'.repeat(2_000_000)}` }, { idempotencyKey: 'late' })
      .ready();
    expect(late.status).toBe('READY');
    expect((await client.ask('How many boxes does the attic hold?').finished()).text).toContain('seven');
    expect((await client.documents.list()).edges).toHaveLength(2);
    client.close();
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

function fill(path: string): void {
  // Until there is no room left; dd ends with an error then.
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=64k'], { stdio: 'ignore' });
  } catch {}
}

/** Reading needs no room. */
async function expectAnswers(client: MultiDbClient, documentId: string): Promise<void> {
  expect(await client.documents.text(documentId)).toBe('The attic holds seven boxes.');
  expect(await client.search('attic')).toHaveLength(1);
}
