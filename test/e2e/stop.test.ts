import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/client/index.ts';
import { ScriptedOpenAi } from '../support/scripted-openai.ts';
import { DataFolderFixture, processesOf, startServer } from '../support/server-process.ts';

const SIGINT_EXIT_CODE = 130;
const DELTAS = Array.from({ length: 120 }, (_, index) => `word${index} `);

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
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
