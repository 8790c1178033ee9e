import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/app/config.ts';
import { createEmbedderCatalog } from '../../../src/app/embedder-catalog.ts';
import { CountingEmbedder } from '../../support/data-plane.ts';

const embedder = new CountingEmbedder();
const open = (settings: Readonly<Record<string, string>>, opened: string[] = []) =>
  createEmbedderCatalog(readConfig(settings), {
    openConfigured: async () => embedder,
    open: async (name) => {
      opened.push(name);
      return embedder;
    },
  });

describe('the embedder catalog', () => {
  it('offers the configured and the built-in embedder, and what the settings add', async () => {
    expect((await open({})).offered).toEqual(['built-in']);
    const settings = { EMBEDDER: 'local:minilm', EMBEDDERS_OFFERED: 'openai:small@256, local:mpnet' };
    expect((await open(settings)).offered).toEqual([
      'local:minilm',
      'built-in',
      'openai:small@256',
      'local:mpnet',
    ]);
  });

  it('puts the size of a model into its name, so that a later change of the setting changes no deployment', async () => {
    const catalog = await open({
      EMBEDDING_MODEL: 'large',
      EMBEDDING_DIMENSIONS: '3072',
      EMBEDDERS_OFFERED: 'openai:small',
    });
    expect(catalog.standard.name).toBe('openai:large@3072');
    expect(catalog.offered).toEqual(['openai:large@3072', 'built-in', 'openai:small@3072']);
  });

  it('opens also what is no longer offered', async () => {
    const opened: string[] = [];
    await (await open({}, opened)).get('openai:old@64');
    expect(opened).toEqual(['openai:old@64']);
  });

  it('refuses a setting that names no embedder, by the name of the setting', async () => {
    await expect(open({ EMBEDDERS_OFFERED: 'everything' })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('EMBEDDERS_OFFERED: "everything" names no embedder'),
    });
  });
});
