import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient, RunEvent } from '../../src/client/index.ts';
import { makePdf } from '../support/documents.ts';
import { freePort } from '../support/free-port.ts';
import { ScriptedOpenAi } from '../support/scripted-openai.ts';
import {
  CliProcess,
  DataFolderFixture,
  processesOf,
  runCli,
  type ServerProcess,
  startServer,
} from '../support/server-process.ts';

const SIGINT_EXIT_CODE = 130;
const CONFIG_EXIT_CODE = 78;
const DELTAS = Array.from({ length: 120 }, (_, index) => `word${index} `);

async function collect<T>(events: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const event of events) into.push(event);
  return into;
}
const longText = (name: string): string =>
  Array.from(
    { length: 1_500 },
    (_, index) => `## ${name} ${index}\n\nPart ${index} of ${name} is unique.`,
  ).join('\n\n');

describe('a graceful stop', () => {
  let model: ScriptedOpenAi;
  let folder: DataFolderFixture;
  const start = () =>
    startServer({
      folder: folder.path,
      env: { OPENAI_BASE_URL: model.url, MODEL: 'scripted', SHUTDOWN_GRACE_MS: '1500' },
    });
  beforeAll(async () => {
    model = await ScriptedOpenAi.start(() => ({ deltas: DELTAS, paceMs: 15 }));
    folder = await DataFolderFixture.make();
  });
  afterAll(async () => {
    await model.close();
    await folder.remove();
  });

  it('finishes or hands over, ends with 0, and leaves no process behind', { timeout: 120_000 }, async () => {
    let server = await start();
    let client = await server.client();
    const ingestion = client.ingest({ text: longText('ledger'), mediaType: 'text/markdown' });
    const { document } = await ingestion.accepted;
    const answer = client.ask('hello');
    const { run } = await answer.sent;
    const seen: RunEvent[] = [];
    for await (const event of answer) {
      seen.push(event);
      if (event.__typename === 'TokenDelta') break;
    }
    client.close();
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    await folder.quiet();
    expect(processesOf(folder.path)).toEqual([]);

    server = await start();
    client = await server.client();
    const events = await collect(client.watch(run.id));
    expect(events.slice(0, seen.length)).toEqual(seen);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
    const end = events.at(-1);
    if (end?.__typename !== 'RunEnd') throw new Error(`ended with ${end?.__typename}`);
    expect(end.message.text.startsWith(DELTAS.slice(0, 1).join(''))).toBe(true);
    await collect(client.documents.events(document.id));
    expect(await client.documents.get(document.id)).toMatchObject({ status: 'READY', chunkCount: 1_500 });
    client.close();
    await server.stop();
  });

  it('is cut short by a second SIGINT', { timeout: 60_000 }, async () => {
    const server = await start();
    const client = await server.client();
    const answer = client.ask('hello');
    const { run } = await answer.sent;
    for await (const event of answer) if (event.__typename === 'TokenDelta') break;
    client.close();
    server.process.child.kill('SIGINT');
    // It is stopping once it takes no connection any more.
    while (await fetch(`${server.url}/health/live`).then(Boolean, () => false));
    expect(await server.kill('SIGINT')).toMatchObject({ code: SIGINT_EXIT_CODE, signal: null });
    const again = await start();
    const after = await again.client();
    const events = await collect(after.watch(run.id));
    expect(events.at(-1)?.__typename).toBe('RunEnd');
    after.close();
    await again.stop();
  });
});

describe('a first start', () => {
  it('that was killed, or that a worker made, is made good by the next one', {
    timeout: 90_000,
  }, async () => {
    const folder = await DataFolderFixture.make();
    const env = { PORT: '0', DATA_DIR: folder.path, LOG_LEVEL: 'info' };
    const first = new CliProcess(['all'], env);
    await first.printed(/PostgreSQL started/);
    await first.kill('SIGKILL');
    const work = await startServer({ folder: folder.path, command: 'work' });
    const serve = await startServer({ folder: folder.path, command: 'serve' });
    expect(serve.process.stdout).toContain('seeded the demo user');
    (await serve.client()).close();
    await Promise.all([serve.stop(), work.stop()]);
    await folder.remove();
  });
});

describe('serve and work on one folder', () => {
  let folder: DataFolderFixture;
  let serve: ServerProcess;
  let work: ServerProcess;
  let client: MultiDbClient;
  beforeAll(async () => {
    folder = await DataFolderFixture.make();
    [serve, work] = await Promise.all([
      startServer({ folder: folder.path, command: 'serve' }),
      startServer({ folder: folder.path, command: 'work' }),
    ]);
    client = await serve.client();
  }, 120_000);
  afterAll(async () => {
    client?.close();
    await Promise.all([serve?.stop(), work?.stop()]);
    await folder.remove();
  });

  it('answers from what the other one ingested, told live', async () => {
    expect(work.url).toBe('');
    const ingestion = client.ingest({ text: 'The mill has four sails.' });
    const stages = (await collect(ingestion.events())).map(({ stage, status }) => `${stage} ${status}`);
    expect(stages[0]).toBe('queued QUEUED');
    expect(stages.at(-1)).toBe('done READY');
    const { text, citations } = await client.ask('How many sails has the mill?').finished();
    expect(text).toContain('four sails');
    expect(citations).toHaveLength(1);
  });

  it('waits for a worker that was killed, and loses nothing', { timeout: 120_000 }, async () => {
    await work.kill('SIGKILL');
    const ingestion = client.ingest({ text: 'The barn has two doors.' });
    const ready = ingestion.ready();
    expect((await ingestion.accepted).document.status).toBe('QUEUED');
    work = await startServer({ folder: folder.path, command: 'work' });
    expect(await ready).toMatchObject({ status: 'READY', chunkCount: 1 });
    // Deleted by one, purged by the other; the next search cannot see it either way.
    await client.documents.remove((await ready).id);
    expect(await client.search('barn doors')).not.toContainEqual(
      expect.objectContaining({ text: 'The barn has two doors.' }),
    );
  });

  it('each one ends by itself, PostgreSQL with the last', { timeout: 60_000 }, async () => {
    expect(await serve.stop()).toMatchObject({ code: 0 });
    expect(processesOf(folder.path).some((line) => line.includes('postgres -D'))).toBe(true);
    expect(await work.stop()).toMatchObject({ code: 0 });
    await folder.quiet();
  });
});

describe('the command line', () => {
  let files: string;
  let folder: DataFolderFixture;
  let server: ServerProcess;
  let port: number;
  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'multidb-files-'));
    folder = await DataFolderFixture.make();
    port = await freePort();
    server = await startServer({ folder: folder.path, env: { PORT: String(port) } });
    const client = await server.client();
    await client.ingest({ text: 'The orchard has 31 pear trees.' }, { title: 'Orchard' }).ready();
    client.close();
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
    await rm(files, { recursive: true, force: true });
  });

  it('honours PORT and DATA_DIR, and says where the playground is', async () => {
    expect(server.process.stdout).toContain(`ready http://127.0.0.1:${port}/playground\n`);
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
  });

  it('ask prints the answer with its sources', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await runCli(['ask', 'How many pear trees has the orchard?'], {
      PORT: String(port),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('31 pear trees');
    expect(stdout).toContain('Orchard');
  });

  it.each([
    ['a wrong password', ['--password', 'a wrong password'], /password/],
    ['no server there', ['--url', 'http://127.0.0.1:1'], /127\.0\.0\.1:1|reach/],
  ])('ask says in one line what is wrong: %s', { timeout: 90_000 }, async (_what, args, words) => {
    const { code, stdout, stderr } = await runCli(['ask', 'x', ...args], { PORT: String(port) });
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({
      code: 1,
      stdout: '',
      lines: 1,
    });
    expect(stderr).toMatch(/^multidb: /);
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain('a wrong password');
  });

  it('demo answers from this repository and from a file of one’s own', { timeout: 120_000 }, async () => {
    const pdf = join(files, 'lodge.pdf');
    await writeFile(pdf, makePdf([['Lodge rules'], ['The lodge closes at nine on Sundays.']]));
    const missing = join(files, 'missing.pdf');
    const env = { HOST: '0.0.0.0', DATA_DIR: files };
    const { code, stdout, stderr } = await runCli(
      ['demo', '--exit', '--ask', 'When does the lodge close on Sundays?', pdf, missing],
      env,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('closes at nine');
    expect(stdout).toMatch(/lodge\.pdf|Lodge/);
    expect(stdout).toContain(missing);
    expect(stdout).toMatch(/Playground: http:\/\/127\.0\.0\.1:\d+\/playground/);
  });

  it('lists all that is wrong with the configuration, and ends with 78', async () => {
    const { code, stdout, stderr } = await runCli(['all'], {
      PORT: '70000',
      DATABASE_URL: 'mysql://x',
      ACCESS_TOKEN_MS: 'soon',
      DATA_DIR: files,
    });
    expect({ code, stdout }).toEqual({ code: CONFIG_EXIT_CODE, stdout: '' });
    for (const name of ['PORT', 'DATABASE_URL', 'ACCESS_TOKEN_MS']) expect(stderr).toContain(`${name}: `);
    const half = await runCli(['all'], { OPENAI_API_KEY: 'sk-secret', DATA_DIR: files });
    expect(half).toMatchObject({ code: CONFIG_EXIT_CODE, stderr: expect.stringContaining('MODEL: ') });
    expect(half.stderr).not.toContain('sk-secret');
  });

  it('knows no other commands, and says which there are', async () => {
    const { code, stderr } = await new CliProcess(['sreve']).exited;
    expect(code).toBe(1);
    expect(stderr).toContain('serve');
  });
});
