import { describe, expect, it } from 'vitest';
import { diversify, withoutRepeats } from '../../../src/planes/serving/retrieval/diversity.ts';
import { parseFilter } from '../../../src/planes/serving/retrieval/filter.ts';
import { fuse, fuseRanks } from '../../../src/planes/serving/retrieval/fusion.ts';
import { ids, newChunk } from '../../support/fixtures.ts';

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

describe('fuseRanks', () => {
  it('adds reciprocal ranks; what a leg scores 0 has no rank there', () => {
    const fused = fuseRanks(
      [
        { chunkId: a, lexicalScore: 900, vectorScore: 0.1 },
        { chunkId: b, lexicalScore: 1, vectorScore: 0.9 },
        { chunkId: c, lexicalScore: 0, vectorScore: 0 },
      ],
      0.25,
    );
    expect(fused.map(({ chunkId, score }) => [chunkId, score])).toEqual([
      [a, expect.closeTo(0.75 + (0.25 * 61) / 62, 10)],
      [b, expect.closeTo((0.75 * 61) / 62 + 0.25, 10)],
      [c, 0],
    ]);
  });
});

describe('diversity', () => {
  const passage = (text: string, score: number) => ({
    ...{ chunk: newChunk({ documentId: ids.next('doc'), text }), documentTitle: '' },
    ...{ score, lexicalScore: 0, vectorScore: 0 },
  });
  const first = passage('The cat sleeps on the warm mat in the sun', 1);
  const repeat = passage('The cat sleeps on the warm mat, in the sun!', 0.95);
  const other = passage('Dogs bark at every postman', 0.8);

  it('puts what is new before what repeats', () => {
    expect(diversify([first, repeat, other])).toEqual([first, other, repeat]);
    expect(diversify([])).toEqual([]);
  });

  it('drops what repeats a better one', () => {
    expect(withoutRepeats([first, repeat, other])).toEqual([first, other]);
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
