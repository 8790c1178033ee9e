import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Accepted, MultiDbClient } from '../../src/client/index.ts';
import { SeededRandom } from '../support/random.ts';
import { EMBEDDING_DIMENSIONS, ScriptedEmbeddings } from '../support/scripted-embeddings.ts';
import { DataFolderFixture, type ServerProcess, startServer } from '../support/server-process.ts';

/** As written in the code: texts in one request to the model. */
const BATCH = 64;
const SECTIONS = 200;
const random = new SeededRandom(7);

let folder: DataFolderFixture;
let embeddings: ScriptedEmbeddings;
let server: ServerProcess;
let client: MultiDbClient;

async function start(): Promise<void> {
  server = await startServer({
    folder: folder.path,
    env: {
      EMBEDDING_BASE_URL: embeddings.url,
      EMBEDDING_MODEL: 'scripted-embedding',
      EMBEDDING_DIMENSIONS: String(EMBEDDING_DIMENSIONS),
    },
  });
  client = await server.client();
}
beforeAll(async () => {
  folder = await DataFolderFixture.make();
  embeddings = await ScriptedEmbeddings.start(30);
  await start();
}, 120_000);
afterAll(async () => {
  client?.close();
  await server?.stop();
  await embeddings?.close();
  await folder?.remove();
});

/** No section's text stands anywhere else, so that each is embedded for its own sake. */
function textOf(name: string): string {
  const sections = Array.from({ length: SECTIONS }, (_, index) => {
    const numbers = Array.from({ length: 60 }, () => Math.floor(random.fraction() * 1e9).toString(36));
    return `## Part ${index} of ${name}\n\ninventory ${numbers.join(' ')}`;
  });
  return sections.join('\n\n');
}

/** Kills the server the moment that it tells of the stage. */
async function killAt(stage: string, { document }: Accepted): Promise<void> {
  for await (const event of client.documents.events(document.id)) {
    if (event.stage === stage) break;
  }
  await server.kill('SIGKILL');
  client.close();
}

describe('kill -9 of the worker', () => {
  it.each(['queued', 'load', 'split', 'embed', 'index', 'verify', 'done'])(
    'at stage %s loses nothing and embeds nothing twice but the batch under way',
    { timeout: 120_000 },
    async (stage) => {
      const text = textOf(stage);
      const before = new Map(embeddings.counts);
      const submission = { text, mediaType: 'text/markdown' };
      const accepted = await client.ingest(submission, { title: stage, metadata: { stage } }).accepted;
      await killAt(stage, accepted);
      await start();
      const { id } = accepted.document;
      const stages: string[] = [];
      for await (const event of client.documents.events(id)) stages.push(event.stage);
      expect(stages.filter((told) => told === 'done' || told === 'failed')).toEqual(['done']);
      const { status, chunkCount } = await client.documents.get(id);
      expect(status).toBe('READY');
      const passages = await client.search('inventory', { first: 100, filter: { stage } });
      expect(new Set(passages.map(({ chunkId }) => chunkId)).size).toBe(100);
      for (const { start: from, end, text: shown } of passages) expect(text.slice(from, end)).toBe(shown);
      expect(await client.documents.text(id)).toBe(text);
      const asked = [...embeddings.counts].flatMap(([content, count]) => {
        const times = count - (before.get(content) ?? 0);
        return content.includes(`of ${stage}`) && times > 0 ? [times] : [];
      });
      expect(asked).toHaveLength(chunkCount);
      const repeated = asked.reduce((sum, times) => sum + times - 1, 0);
      // From `index` on every batch was stored.
      const mayRepeat = ['index', 'verify', 'done'].includes(stage) ? 0 : BATCH;
      expect(repeated).toBeLessThanOrEqual(mayRepeat);
      const again = await client.ingest(submission, { title: 'again' }).accepted;
      expect(again).toMatchObject({ duplicate: true, document: { id } });
    },
  );
});
