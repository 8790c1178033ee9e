import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../../src/planes/serving/retrieval/filter.ts';
import { fuse } from '../../../src/planes/serving/retrieval/fusion.ts';
import { ids } from '../../support/fixtures.ts';

const [a, b, c] = [ids.next('chk'), ids.next('chk'), ids.next('chk')];

describe('fuse', () => {
  it('scales each leg over the union, then weighs', () => {
    const fused = fuse(
      [
        { chunkId: a, lexicalScore: 10, vectorScore: 0.2 },
        { chunkId: b, lexicalScore: 0, vectorScore: 0.6 },
        { chunkId: c, lexicalScore: 5, vectorScore: 0.4 },
      ],
      0.4,
    );
    expect(fused.map((candidate) => candidate.chunkId)).toEqual([a, c, b]);
    expect(fused.map((candidate) => candidate.score)).toEqual([
      expect.closeTo(0.6),
      expect.closeTo(0.6 * 0.5 + 0.4 * 0.5),
      expect.closeTo(0.4),
    ]);
  });

  it('ignores a leg that says the same of all', () => {
    const fused = fuse(
      [
        { chunkId: a, lexicalScore: 1, vectorScore: 0 },
        { chunkId: b, lexicalScore: 2, vectorScore: 0 },
      ],
      0.5,
    );
    expect(fused.map((candidate) => candidate.score)).toEqual([0.5, 0]);
    expect(fuse([], 0.5)).toEqual([]);
  });

  it('does not take a single match for none', () => {
    expect(fuse([{ chunkId: a, lexicalScore: 3, vectorScore: 0.4 }], 0.5)[0]?.score).toBe(1);
  });
});

describe('parseFilter', () => {
  it('reads values and operators', () => {
    expect(
      parseFilter({
        team: 'a',
        year: { gte: 2020, lte: 2024 },
        tag: { in: ['x', 1] },
        old: { exists: false },
      }),
    ).toEqual([
      { field: 'team', eq: 'a' },
      { field: 'year', gte: 2020, lte: 2024 },
      { field: 'tag', in: ['x', 1] },
      { field: 'old', exists: false },
    ]);
    expect(parseFilter(undefined)).toEqual([]);
  });

  it.each([
    { team: { ne: 'a' } },
    { team: { eq: 'a', regex: '.*' } },
    { team: {} },
    { team: null },
    { team: ['a'] },
    { team: { in: [] } },
    { team: { gte: true } },
    { team: { eq: { nested: 1 } } },
    { '': 1 },
    Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`f${index}`, 1])),
  ])('refuses %j', (filter) => {
    expect(() => parseFilter(filter as Record<string, unknown>)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT' }),
    );
  });
});
