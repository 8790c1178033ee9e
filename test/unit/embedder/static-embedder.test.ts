import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StaticEmbedder } from '../../../src/adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../../../src/adapters/builtin/static-model.ts';

const TOLERANCE = 2e-5;
const vectorSchema = z.object({
  n_tokens: z.number(),
  ids: z.array(z.number()),
  mean_norm: z.number(),
  first8: z.array(z.number()).length(8),
});
const reference = z
  .object({
    texts: z.array(
      vectorSchema.extend({
        text: z.string().optional(),
        text_repeat: z.tuple([z.string(), z.number()]).optional(),
      }),
    ),
    query: vectorSchema.extend({
      text: z.string(),
      n_docs: z.number(),
      df: z.record(z.string(), z.number()),
      tokens: z.array(z.string()),
    }),
  })
  .parse(
    JSON.parse(readFileSync(new URL('../../fixtures/embedder/test-vectors.json', import.meta.url), 'utf8')),
  );

let embedder: StaticEmbedder;
const signal = new AbortController().signal;
beforeAll(async () => {
  embedder = new StaticEmbedder(await loadStaticModel());
});

function expectVector(vector: Float32Array, first8: readonly number[]): void {
  expect(vector).toHaveLength(256);
  for (const [index, expected] of first8.entries()) {
    expect(Math.abs((vector[index] ?? Number.NaN) - expected)).toBeLessThanOrEqual(TOLERANCE);
  }
}

describe('the built-in embedder', () => {
  it.each(reference.texts)('agrees with the reference on %$', async (expected) => {
    const text = expected.text ?? expected.text_repeat?.[0].repeat(expected.text_repeat[1]) ?? '';
    const ids = embedder.tokenizer.encode(text);
    expect(ids).toHaveLength(expected.n_tokens);
    expect([...ids.subarray(0, expected.ids.length)]).toEqual(expected.ids);
    expect(embedder.tokenizer.count(text)).toBe(expected.n_tokens);
    const [vector] = await embedder.embedDocuments([text], signal);
    expectVector(vector ?? new Float32Array(), expected.first8);
  });

  it('weights a query by the root of idf', async () => {
    const { query } = reference;
    const frequencyOf = new Map(query.ids.map((id, index) => [id, query.df[query.tokens[index] ?? ''] ?? 0]));
    let asked = 0;
    const vector = await embedder.embedQuery(
      query.text,
      async (ids) => {
        asked += 1;
        expect(new Set(ids)).toEqual(new Set(query.ids));
        return { chunkCount: query.n_docs, chunkFrequencies: ids.map((id) => frequencyOf.get(id) ?? 0) };
      },
      signal,
    );
    expect(asked).toBe(1);
    expectVector(vector, query.first8);
  });

  it('has no score for a text of unknown tokens only', async () => {
    const [vector] = await embedder.embedDocuments(['\u{10FFFE}'], signal);
    expect(vector?.every((value) => value === 0)).toBe(true);
    const query = await embedder.embedQuery(
      '  ',
      () => Promise.reject(new Error('nothing to ask about')),
      signal,
    );
    expect(query.every((value) => value === 0)).toBe(true);
  });

  it('gives distinct token ids', () => {
    const ids = embedder.tokenIds('the the fox');
    expect(ids).toHaveLength(2);
    expect(ids).toEqual(embedder.tokenIds('fox the'));
  });

  it('refuses a model folder whose files were altered', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'model-'));
    try {
      await cp(new URL('../../../src/adapters/builtin/model/', import.meta.url), folder, { recursive: true });
      await writeFile(join(folder, 'vocab.txt'), 'altered\n');
      await expect(loadStaticModel(pathToFileURL(`${folder}/`))).rejects.toThrow(/vocab\.txt/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
