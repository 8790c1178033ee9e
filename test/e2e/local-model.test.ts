import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataFolderFixture, runCli, startServer } from '../support/server-process.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const CONFIG_EXIT_CODE = 78;

describe('a server with a local model', () => {
  let models: string;
  beforeAll(async () => {
    models = await mkdtemp(join(tmpdir(), 'multidb-models-'));
    await writeTinyModel(join(models, 'tiny'));
  });
  afterAll(() => rm(models, { recursive: true, force: true }));

  it('ingests and finds with it', { timeout: 120_000 }, async () => {
    const folder = await DataFolderFixture.make();
    const server = await startServer({
      folder: folder.path,
      env: { EMBEDDER: `local:${join(models, 'tiny')}`, EMBEDDING_THREAD_COUNT: '1' },
    });
    try {
      const client = await server.client();
      await client.ingest({ text: 'The sea is green.' }, { title: 'Sea' }).ready();
      await client.ingest({ text: 'The sky is blue.' }, { title: 'Sky' }).ready();
      const [first] = await client.search('blue sky');
      expect(first?.document.title).toBe('Sky');
      client.close();
    } finally {
      await server.stop();
      await folder.remove();
    }
  });

  it.each([
    ['local:/no/such/folder', /EMBEDDER: local:\/no\/such\/folder: \/no\/such\/folder is not a folder\.$/],
    [
      'local:mpnet',
      /local:mpnet: the model mpnet is not in \S+: fetch it with `multidb model fetch mpnet`\.$/,
    ],
    ['local:nothing', /nothing is not a folder\.$/],
    ['magic', /EMBEDDER: "magic" names no embedder: write built-in, local:NAME_OR_FOLDER or openai:MODEL\.$/],
  ])('ends with 78 and one sentence when %s cannot be used', { timeout: 60_000 }, async (spec, words) => {
    const folder = await DataFolderFixture.make();
    try {
      const env = { DATA_DIR: folder.path, PORT: '0', EMBEDDER: spec, MODELS_DIR: models };
      const { code, stdout, stderr } = await runCli(['all'], env);
      expect({ code, stdout }).toEqual({ code: CONFIG_EXIT_CODE, stdout: '' });
      expect(stderr.trim().split('\n')).toHaveLength(2);
      expect(stderr.trim()).toMatch(words);
    } finally {
      await folder.remove();
    }
  });

  it('says what it cannot fetch', { timeout: 60_000 }, async () => {
    const { code, stderr } = await runCli(['model', 'fetch', 'nonsense'], { MODELS_DIR: models });
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(stderr).toContain('nonsense is no model: write minilm, mpnet or');
  });
});
