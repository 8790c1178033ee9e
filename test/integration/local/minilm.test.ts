import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LocalEmbedder } from '../../../src/adapters/local/local-embedder.ts';
import { miniLm, withMiniLm } from '../../support/minilm.ts';

/** Computed from the published weights in 64-bit floats, without any library for neural networks. */
const reference = z
  .object({
    texts: z.array(z.object({ text: z.string(), first: z.array(z.number()) })),
    similarities: z.array(z.array(z.number())),
  })
  .parse(
    JSON.parse(
      await readFile(new URL('../../fixtures/embedder/minilm-reference.json', import.meta.url), 'utf8'),
    ),
  );
const TOLERANCE = 2e-5;

describe.skipIf(miniLm === undefined)(withMiniLm('MiniLM'), () => {
  let embedder: LocalEmbedder;
  beforeAll(async () => {
    if (miniLm !== undefined) embedder = await LocalEmbedder.open({ ...miniLm, threadCount: 0 });
  });
  afterAll(() => embedder.close());

  it('gives the vectors that its weights give in double precision', async () => {
    const signal = AbortSignal.timeout(25_000);
    const vectors = await embedder.embedDocuments(
      reference.texts.map(({ text }) => text),
      signal,
    );
    for (const [place, { first }] of reference.texts.entries()) {
      for (const [index, value] of first.entries()) {
        expect(Math.abs((vectors[place]?.[index] ?? 9) - value)).toBeLessThan(TOLERANCE);
      }
      for (const [other, similarity] of (reference.similarities[place] ?? []).entries()) {
        expect(Math.abs(dot(vectors[place], vectors[other]) - similarity)).toBeLessThan(TOLERANCE);
      }
    }
  });

  it('says what it is', () => {
    expect(embedder.model).toEqual({ modelId: 'sentence-transformers/all-MiniLM-L6-v2', dimensions: 384 });
    expect(embedder.tokenCountMax).toBe(256);
  });
});

function dot(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return (a ?? new Float32Array()).reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0);
}
