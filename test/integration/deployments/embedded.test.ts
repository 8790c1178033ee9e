import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { SqliteChunkIndex } from '../../../src/adapters/embedded/sqlite/sqlite-chunk-index.ts';
import { ScriptedEmbeddings } from '../../support/scripted-embeddings.ts';
import { startTestSystem, type TestSystem } from '../../support/system.ts';
import { exercise, SETTINGS } from './exercise.ts';

let embeddings: ScriptedEmbeddings;
let system: TestSystem;

beforeAll(async () => {
  embeddings = await ScriptedEmbeddings.start(2);
  system = await startTestSystem({ ...SETTINGS, EMBEDDING_BASE_URL: embeddings.url });
}, 120_000);
afterAll(async () => {
  await system?.close();
  await embeddings?.close();
});

describe('a new embedding model, embedded', () => {
  it('goes live under load, back and live again, and no search fails or misses a document', {
    timeout: 900_000,
  }, async () => {
    const index = new SqliteChunkIndex(join(system.folder, 'chunks.sqlite'));
    try {
      await exercise(system, async () => index);
    } finally {
      await index.close();
    }
  });
});
