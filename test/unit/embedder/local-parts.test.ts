import { describe, expect, it } from 'vitest';
import { batchesByLength } from '../../../src/adapters/local/batches.ts';
import { poolAll } from '../../../src/adapters/local/pooling.ts';
import { parseEmbedderSpec } from '../../../src/app/embedders.ts';

describe('batches', () => {
  const texts = Array.from({ length: 100 }, (_, index) => 'x'.repeat((index * 37) % 900));

  it('hold every text once', () => {
    const places = batchesByLength(texts, 1_500).flat();
    expect(places.sort((a, b) => a - b)).toEqual([...texts.keys()]);
  });

  it('go from long to short and never pad beyond the bound', () => {
    let last = Number.POSITIVE_INFINITY;
    for (const batch of batchesByLength(texts, 1_500)) {
      const lengths = batch.map((place) => texts[place]?.length ?? 0);
      const longest = Math.max(...lengths);
      expect(longest).toBeLessThanOrEqual(last);
      expect(batch.length).toBeLessThanOrEqual(32);
      expect(longest * batch.length).toBeLessThanOrEqual(16_384);
      last = Math.min(...lengths);
    }
  });

  it('count a text only as long as the model reads it', () => {
    expect(batchesByLength(['y'.repeat(100_000), 'z'.repeat(100_000)], 1_500)).toEqual([[0, 1]]);
  });

  it('of nothing are none', () => {
    expect(batchesByLength([], 1_500)).toEqual([]);
  });
});

describe('pooling', () => {
  // One text of two tokens and one of padding: its numbers must not count.
  const tokens = {
    values: Float32Array.of(3, 0, 0, 4, 99, 99),
    mask: BigInt64Array.of(1n, 1n, 0n),
    textCount: 1,
    tokenCount: 3,
    dimensions: 2,
  };

  it.each([
    ['mean', [0.6, 0.8]],
    ['cls', [1, 0]],
    ['max', [0.6, 0.8]],
    ['lasttoken', [0, 1]],
  ] as const)('%s leaves padding out and gives unit vectors', (mode, expected) => {
    const vector = [...poolAll(tokens, mode)];
    for (const [index, value] of expected.entries()) expect(vector[index]).toBeCloseTo(value, 6);
  });

  it('of no token gives the zero vector', () => {
    expect([...poolAll({ ...tokens, mask: new BigInt64Array(3) }, 'mean')]).toEqual([0, 0]);
    expect([...poolAll({ ...tokens, mask: new BigInt64Array(3) }, 'max')]).toEqual([0, 0]);
  });
});

describe('an embedder specification', () => {
  it.each([
    ['built-in', { kind: 'built-in' }],
    ['local:minilm', { kind: 'local', name: 'minilm' }],
    ['local:C:\\models\\mine', { kind: 'local', name: 'C:\\models\\mine' }],
    [
      'openai:text-embedding-3-small',
      { kind: 'openai', model: 'text-embedding-3-small', dimensions: undefined },
    ],
    [
      'openai:text-embedding-3-large@1024',
      { kind: 'openai', model: 'text-embedding-3-large', dimensions: 1024 },
    ],
    ['openai:ollama/nomic:v1.5', { kind: 'openai', model: 'ollama/nomic:v1.5', dimensions: undefined }],
  ])('%s is understood', (text, spec) => {
    expect(parseEmbedderSpec(text)).toEqual(spec);
  });

  it.each(['', 'builtin', 'local:', 'openai:', 'cohere:x'])('%j is refused', (text) => {
    expect(() => parseEmbedderSpec(text)).toThrow(/names no embedder: write built-in, local:/);
  });
});
