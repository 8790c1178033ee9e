import { describe, expect, it } from 'vitest';
import { ByteDots } from '../../../src/adapters/embedded/sqlite/byte-dots.ts';
import { TopScores } from '../../../src/adapters/embedded/sqlite/top-scores.ts';
import { SeededRandom } from '../../support/random.ts';

describe('dot products of bytes', () => {
  it.each([
    [16, 1],
    [64, 5_000],
    [256, 2_500],
    [8_192, 40],
  ])('are those of a plain loop, %i columns and %i rows', (columns, rows) => {
    const random = new SeededRandom(columns);
    const byte = () => Math.round(random.fraction() * 254) - 127;
    const codes = Int8Array.from({ length: columns * rows }, byte);
    const query = Int8Array.from({ length: columns }, byte);
    const dots: number[] = [];
    new ByteDots().forEachRow(codes, query, rows, (row, dot) => {
      expect(row).toBe(dots.length);
      dots.push(dot);
    });
    const expected = Array.from({ length: rows }, (_, row) =>
      query.reduce((sum, value, column) => sum + value * (codes[row * columns + column] ?? 0), 0),
    );
    expect(dots).toEqual(expected);
  });

  it('do not overflow at the extremes', () => {
    const extreme = new Int8Array(8_192).fill(-127);
    const dots: number[] = [];
    new ByteDots().forEachRow(extreme, extreme, 1, (_, dot) => dots.push(dot));
    expect(dots).toEqual([8_192 * 127 * 127]);
  });
});

describe('the best of many', () => {
  it.each([0, 1, 7, 500, 2_000])('are those that a sort would put first, limit %i', (limit) => {
    const random = new SeededRandom(limit + 1);
    const scores = Array.from({ length: 1_000 }, () => random.fraction());
    const top = new TopScores(limit);
    scores.forEach((score, item) => {
      top.offer(item, score);
    });
    const best = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, limit);
    expect([...top.items()].sort((a, b) => a - b)).toEqual(best.sort((a, b) => a - b));
  });
});
