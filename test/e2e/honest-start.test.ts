import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newDatabase } from '../integration/mongodb/harness.ts';
import { type FourStores, hasFourServers, makeFourStores, nameWithFour } from '../support/four-stores.ts';
import { freePort } from '../support/free-port.ts';
import { type Exit, runCli, startServer } from '../support/server-process.ts';

/** What is tested is what is said, not how soon. */
const PATIENT = { STORE_OPEN_TIMEOUT_MS: '60000' };
const SLOW = { timeout: 240_000 };
/** Exit codes: all is well; trying again may help; a person must change something. */
const [FIT, OUTAGE, CONFIGURATION] = [0, 1, 78];

interface DoctorReport {
  readonly ok: boolean;
  readonly stores: readonly {
    readonly setting: string;
    readonly findings: readonly { readonly level: string; readonly kind: string; readonly message: string }[];
  }[];
}

function problemsOf({ stdout }: Exit): readonly string[] {
  const { stores } = JSON.parse(stdout) as DoctorReport;
  const findings = stores.flatMap((store) => store.findings);
  return findings.filter(({ level }) => level === 'problem').map(({ message }) => message);
}

describe.skipIf(!hasFourServers)(nameWithFour('an honest start on four stores'), () => {
  let stores: FourStores;
  let folder: string;
  let settings: Readonly<Record<string, string>>;
  beforeAll(async () => {
    stores = await makeFourStores();
    folder = await mkdtemp(join(tmpdir(), 'multidb-doctor-'));
    settings = { ...stores.settings, DATA_DIR: join(folder, 'data'), PORT: '0', ...PATIENT };
  });
  afterAll(async () => {
    await stores.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const doctor = (change: Readonly<Record<string, string>> = {}) =>
    runCli(['doctor', '--json'], { ...settings, ...change });

  it('refuses stores that nobody migrated, in the words of doctor', SLOW, async () => {
    const [report, serve, work] = await Promise.all([
      doctor(),
      runCli(['serve'], settings),
      runCli(['work'], { ...settings, DATA_DIR: join(folder, 'worker') }),
    ]);
    expect(report.code).toBe(CONFIGURATION);
    const problems = problemsOf(report);
    expect(problems).toEqual([
      expect.stringMatching(
        /^DATABASE_URL: \d+ migrations? (?:is|are) not applied; run `multidb migrate` first\.$/,
      ),
      expect.stringMatching(/^MONGODB_URL: the indexes are missing: version, .*`multidb migrate`/),
      expect.stringMatching(
        /^SCYLLA_URL: not there yet: keyspace test_\w+, table messages, .*`multidb migrate`/,
      ),
    ]);
    for (const { code, stdout, stderr } of [serve, work]) {
      expect({ code, stdout }).toEqual({ code: CONFIGURATION, stdout: '' });
      expect(
        stderr
          .trim()
          .split('\n')
          .slice(1)
          .map((line) => line.trim()),
      ).toEqual(problems);
    }
  });

  it('migrates nothing when one of the stores cannot be migrated', SLOW, async () => {
    const lost = { SCYLLA_URL: `scylla://127.0.0.1:${await freePort()}/x` };
    const { code, stderr } = await runCli(['migrate'], { ...settings, ...lost });
    expect({ code, stderr }).toEqual({
      code: OUTAGE,
      stderr: expect.stringMatching(
        /^multidb: SCYLLA_URL: 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/,
      ),
    });
    expect(problemsOf(await doctor())).toHaveLength(3);
  });

  it('migrates from several processes at once, once', SLOW, async () => {
    const exits = await Promise.all(Array.from({ length: 4 }, () => runCli(['migrate'], settings)));
    for (const { code, stderr } of exits) expect({ code, stderr }).toEqual({ code: FIT, stderr: '' });
    const applied = exits.filter(({ stdout }) => /^DATABASE_URL: \d{14}_init/m.test(stdout));
    expect(applied).toHaveLength(1);
    const report = await doctor();
    expect(problemsOf(report)).toEqual([]);
    expect(report.code).toBe(FIT);
    const again = await runCli(['migrate'], settings);
    expect(again.stdout).toBe(
      ['DATABASE_URL', 'MONGODB_URL', 'SCYLLA_URL', 'REDIS_URL']
        .map((name) => `${name}: up to date\n`)
        .join(''),
    );
  });

  it('seeds the demo user once, and nowhere that others can reach', SLOW, async () => {
    const refused = await runCli(['seed'], { ...settings, NODE_ENV: 'production' });
    expect(refused).toMatchObject({
      code: CONFIGURATION,
      stderr: expect.stringContaining('HOST, NODE_ENV: '),
    });
    expect((await runCli(['seed'], { ...settings, HOST: '0.0.0.0' })).code).toBe(CONFIGURATION);
    const outcomes = await Promise.all([runCli(['seed'], settings), runCli(['seed'], settings)]);
    expect(outcomes.map(({ code }) => code)).toEqual([FIT, FIT]);
    expect(outcomes.filter(({ stdout }) => stdout.startsWith('seeded the demo user'))).toHaveLength(1);
  });

  it('then serves, and its readiness names each store and nothing else of it', SLOW, async () => {
    const server = await startServer({ folder: join(folder, 'data'), command: 'serve', env: settings });
    onTestFinished(async () => {
      await server.stop();
    });
    const response = await fetch(`${server.url}/health/ready`);
    expect(response.status).toBe(200);
    const ready = 'ready';
    const count = expect.any(Number);
    expect(await response.json()).toEqual({
      status: ready,
      stores: { postgresql: ready, mongodb: ready, scylladb: ready, redis: ready },
      pools: { postgresql: { open: count, idle: count, waiting: 0 } },
    });
    const client = await server.client();
    client.close();
  });

  it('names what is wrong with each store, and no password', SLOW, async () => {
    const readOnly = await newDatabase('_read_only');
    const guarded = await newDatabase('_with_password');
    onTestFinished(() => Promise.all([readOnly.drop(), guarded.drop()]).then(() => undefined));
    const redis = new URL(stores.settings.REDIS_URL);
    [redis.username, redis.password] = ['nobody', 'secret-1'];
    const mongo = new URL(guarded.url);
    [mongo.username, mongo.password] = ['nobody', 'secret-2'];
    const first = await doctor({
      DATABASE_URL: `${stores.settings.DATABASE_URL}_not`,
      MONGODB_URL: readOnly.url,
      SCYLLA_URL: stores.settings.SCYLLA_URL.replace(/\?.*/, '?dc=elsewhere'),
      REDIS_URL: redis.href,
    });
    const second = await doctor({ MONGODB_URL: mongo.href });
    for (const { code, stdout } of [first, second]) {
      expect(code).toBe(CONFIGURATION);
      expect(stdout).not.toMatch(/secret-\d/);
    }
    expect([...problemsOf(first), ...problemsOf(second)]).toEqual([
      'DATABASE_URL: there is no such database; create it first.',
      'MONGODB_URL: this user may not read and write the database (role readWrite is needed).',
      'SCYLLA_URL: there is no data centre elsewhere; dc must be one of: datacenter1.',
      expect.stringMatching(/^REDIS_URL: Redis refuses the user, the password or a command/),
      'MONGODB_URL: the server does not know this user, or the password is wrong.',
    ]);
  });

  it.each([
    ['DATABASE_URL', 'postgres:/nowhere'],
    ['MONGODB_URL', 'mongodb://host:port/x'],
    ['SCYLLA_URL', 'scylla://host'],
    ['REDIS_URL', 'redis://host:99999'],
  ])('refuses a malformed %s by name', SLOW, async (setting, url) => {
    for (const command of ['doctor', 'serve', 'migrate']) {
      const { code, stdout, stderr } = await runCli([command], { ...settings, [setting]: url });
      expect(code, stdout + stderr).toBe(CONFIGURATION);
      const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.includes(`${setting}: `));
      expect(lines).toEqual([expect.stringMatching(/must look like .+\.$/)]);
    }
  });
});

describe('doctor on the data folder', () => {
  it('says what a start would say', SLOW, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'multidb-doctor-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const fit = await runCli(['doctor'], { DATA_DIR: join(folder, 'new') });
    expect(fit).toMatchObject({
      code: FIT,
      stdout: expect.stringMatching(/^ok +DATA_DIR: .*to be made by the first start/),
    });
    await writeFile(join(folder, 'letter.txt'), 'mine');
    const [foreign, serve] = await Promise.all([
      runCli(['doctor'], { DATA_DIR: folder }),
      runCli(['serve'], { DATA_DIR: folder, PORT: '0' }),
    ]);
    expect([foreign.code, serve.code]).toEqual([OUTAGE, OUTAGE]);
    const words = `${folder} holds other files (letter.txt); name an empty or new folder.`;
    expect(foreign.stdout).toBe(`problem  DATA_DIR: ${words}\n`);
    expect(serve.stderr).toBe(`multidb: ${words}\n`);
  });
});
