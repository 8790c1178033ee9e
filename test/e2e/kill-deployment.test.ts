import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Operator } from '../integration/deployments/operator.ts';
import { ScriptedEmbeddings, WORDS_DIMENSIONS, WORDS_MODEL } from '../support/scripted-embeddings.ts';
import { DataFolderFixture, type ServerProcess, startServer } from '../support/server-process.ts';
import { DEMO } from '../support/system.ts';

const CANDIDATE = `openai:${WORDS_MODEL}@${WORDS_DIMENSIONS}`;
const DOCUMENTS = 8;
const PARAGRAPHS = 40;
/** As written in the code: texts in one request. */
const BATCH = 64;
const KILLS = 2;

let folder: DataFolderFixture;
let embeddings: ScriptedEmbeddings;
let server: ServerProcess;

const start = (): Promise<ServerProcess> =>
  startServer({
    folder: folder.path,
    env: { EMBEDDING_BASE_URL: embeddings.url, EMBEDDERS_OFFERED: CANDIDATE },
  });

beforeAll(async () => {
  folder = await DataFolderFixture.make();
  embeddings = await ScriptedEmbeddings.start(1_500);
});
afterAll(async () => {
  await server?.stop();
  await embeddings?.close();
  await folder?.remove();
});

/** Paragraphs long enough to be chunks of their own, no two alike. */
function textOf(document: number): string {
  const paragraphs = Array.from({ length: PARAGRAPHS }, (_, part) => {
    const words = Array.from({ length: 120 }, (__, index) => `w${document * 7919 + part * 131 + index * 17}`);
    return `## Part ${part} of ${document}\n\n${words.join(' ')}`;
  });
  return paragraphs.join('\n\n');
}

describe('kill -9 while an embedding deployment is built', () => {
  it('loses one batch at most: the build goes on where it was, and is whole in the end', {
    timeout: 600_000,
  }, async () => {
    server = await start();
    const client = await server.client();
    for (let document = 0; document < DOCUMENTS; document += 1) {
      await client
        .ingest({ text: textOf(document), mediaType: 'text/markdown' }, { title: `d${document}` })
        .ready();
    }
    let operator = await Operator.signIn(server.url, DEMO);
    const { collectionId } = await operator.place();
    const created = await operator.create(collectionId, CANDIDATE);
    const id = created.deployment?.id ?? '';
    let reached = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = await operator.waitFor(id, ({ embeddedCount }) => embeddedCount > reached);
      expect(before.state).toBe('BUILDING');
      reached = before.embeddedCount;
      await server.kill('SIGKILL');
      server = await start();
      operator = await Operator.signIn(server.url, DEMO);
      expect((await operator.get(id)).embeddedCount).toBeGreaterThanOrEqual(reached);
    }
    const built = await operator.waitFor(id, ({ state }) => state !== 'BUILDING');
    expect(built).toMatchObject({ state: 'SHADOW', whole: true, error: null });
    expect(built.embeddedCount).toBe(built.chunkCount);
    expect(built.chunkCount).toBeGreaterThanOrEqual(DOCUMENTS * PARAGRAPHS);
    const repeated = embeddings.textCount - embeddings.counts.size;
    expect(repeated).toBeLessThanOrEqual(KILLS * BATCH);
    const promoted = await operator.change('promoteEmbeddingDeployment', id, 'force: true');
    expect(promoted).toMatchObject({ deployment: { state: 'ACTIVE' } });
    const found = await (await server.client()).search('Part 7 of 3', { first: 5 });
    expect(found.some(({ headingPath }) => headingPath.includes('Part 7 of 3'))).toBe(true);
  });
});
