import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient } from '../../src/client/index.ts';
import {
  CliProcess,
  DataFolderFixture,
  processesOf,
  type ServerProcess,
  startServer,
} from '../support/server-process.ts';

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

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
