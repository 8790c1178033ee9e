import { describe, expect, it } from 'vitest';
import { latencyOf } from '../../../src/domain/evaluation/latency.ts';
import { measureRanking } from '../../../src/domain/evaluation/ranking-metrics.ts';
import { comparePaired } from '../../../src/domain/evaluation/significance.ts';
import { spanRecall } from '../../../src/domain/evaluation/span-recall.ts';

describe('measureRanking', () => {
  it('computes nDCG with linear gains, recall and reciprocal rank', () => {
    const judgements = new Map([
      ['a', 3],
      ['b', 2],
      ['c', 1],
      ['d', 0],
    ]);
    // DCG 2/log2(3) + 3/log2(5) = 1.26186 + 1.29203; ideal 3 + 2/log2(3) + 1/log2(4) = 4.76186.
    expect(measureRanking(['d', 'b', 'x', 'a'], judgements)).toEqual({
      'ndcg@10': expect.closeTo(0.53632, 5),
      'recall@10': expect.closeTo(2 / 3, 10),
      'recall@100': expect.closeTo(2 / 3, 10),
      'mrr@10': 0.5,
    });
  });

  it('cuts at 10 and at 100', () => {
    const ranking = Array.from({ length: 200 }, (_, index) => `d${index}`);
    const judgements = new Map([
      ['d10', 1],
      ['d99', 1],
      ['d100', 1],
    ]);
    expect(measureRanking(ranking, judgements)).toEqual({
      'ndcg@10': 0,
      'recall@10': 0,
      'recall@100': expect.closeTo(2 / 3, 10),
      'mrr@10': 0,
    });
  });

  it('is 1 for a perfect ranking, and knows no value without a relevant document', () => {
    const perfect = measureRanking(['a', 'b'], new Map([['a', 2], ['b', 1]])); // biome-ignore format: pairs
    expect(Object.values(perfect ?? {})).toEqual([1, 1, 1, 1]);
    expect(measureRanking(['a'], new Map([['a', 0]]))).toBeUndefined();
  });
});

describe('spanRecall', () => {
  const span = (start: number, end: number, documentId = 'a') => ({ documentId, start, end });

  it('counts the characters of the answer within the first passages', () => {
    expect(spanRecall([span(0, 50), span(100, 200)], [span(40, 60)], 1_000)).toBe(0.5);
    expect(spanRecall([span(0, 50), span(45, 200)], [span(40, 60)], 1_000)).toBe(1);
    expect(spanRecall([span(0, 100, 'b')], [span(40, 60)], 1_000)).toBe(0);
  });

  it('cuts the passage that reaches over the limit, and pays for what is repeated', () => {
    expect(spanRecall([span(0, 50), span(100, 200)], [span(100, 200)], 100)).toBe(0.5);
    expect(spanRecall([span(0, 50), span(0, 50), span(100, 200)], [span(100, 200)], 150)).toBe(0.5);
    expect(spanRecall([span(0, 50), span(100, 200)], [span(100, 200)], 50)).toBe(0);
  });

  it('knows no value without a reference', () => {
    expect(spanRecall([span(0, 50)], [], 100)).toBeUndefined();
  });
});

describe('comparePaired', () => {
  it('finds the exact share of sign changes, up to the error of its rounds', () => {
    // All eight differences point one way: 2 of the 2^8 arrangements are as large.
    const { difference, p } = comparePaired(Array(8).fill(0.5), Array(8).fill(0.6));
    expect(difference).toBeCloseTo(0.1, 10);
    expect(p).toBeCloseTo(2 / 256, 2);
    expect(p).toBeGreaterThan(0);
  });

  it('sees nothing in differences that cancel out, and nothing in none', () => {
    expect(comparePaired([0, 1, 0, 1], [1, 0, 1, 0])).toEqual({ difference: 0, p: 1, pairCount: 4 });
    expect(comparePaired([1, 1], [1, 1]).p).toBe(1);
    expect(comparePaired([], [])).toEqual({ difference: 0, p: 1, pairCount: 0 });
  });

  it('says the same every time', () => {
    const first = Array.from({ length: 40 }, (_, index) => (index % 7) / 7);
    const second = Array.from({ length: 40 }, (_, index) => (index % 5) / 5);
    expect(comparePaired(first, second)).toEqual(comparePaired(first, second));
    expect(comparePaired(second, first).p).toBe(comparePaired(first, second).p);
  });
});

describe('latencyOf', () => {
  it('takes the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(latencyOf(hundred)).toEqual({ p50: 50, p95: 95, p99: 99 });
    expect(latencyOf([7])).toEqual({ p50: 7, p95: 7, p99: 7 });
    expect(latencyOf([])).toEqual({ p50: 0, p95: 0, p99: 0 });
  });
});
