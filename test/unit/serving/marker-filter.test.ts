import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarkerFilter } from '../../../src/planes/serving/agent/marker-filter.ts';

function filter(deltas: readonly string[]): { text: string; markers: { at: number; numbers: number[] }[] } {
  let text = '';
  const markers: { at: number; numbers: number[] }[] = [];
  const marked = new MarkerFilter({
    text: (piece) => {
      text += piece;
    },
    marker: (numbers) => markers.push({ at: text.length, numbers: [...numbers] }),
  });
  for (const delta of deltas) marked.push(delta);
  marked.end();
  return { text, markers };
}

describe('MarkerFilter', () => {
  it.each([
    ['A is B [1].', 'A is B.', [[1]]],
    ['A is B.[1] C', 'A is B. C', [[1]]],
    ['A [1, 2] b', 'A b', [[1, 2]]],
    ['A [1][2].', 'A.', [[1], [2]]],
    ['A [1] [2].', 'A.', [[1], [2]]],
    ['A [1-3].', 'A.', [[1, 2, 3]]],
    ['A [^2].', 'A.', [[2]]],
    ['A【3】.', 'A.', [[3]]],
    ['A【3†source】.', 'A.', [[3]]],
    ['A [99].', 'A.', [[99]]],
    ['A [0]', 'A', [[0]]],
    ['[1] A', ' A', [[1]]],
  ])('takes the markers out of %j', (input, text, numbers) => {
    const filtered = filter([input]);
    expect(filtered.text).toBe(text);
    expect(filtered.markers.map((marker) => marker.numbers)).toEqual(numbers);
  });

  it.each([
    'a [link](https://example.com) b',
    '- [x] done [ ] open',
    'the year [2024] and [a1]',
    'an open [ bracket [1',
    'spaces   kept  \n\n  here ',
    '`list[0]` and ``x``',
    '```\nlist[0] = [1]\n```\n',
    '[1, 2',
    '[]',
  ])('leaves %j as it is', (input) => {
    expect(filter([input])).toEqual({ text: input, markers: [] });
  });

  it('takes markers again after code has ended', () => {
    const filtered = filter(['`a[0]` is first [2].\n```\n[1]\n```\nthen [3]']);
    expect(filtered.text).toBe('`a[0]` is first.\n```\n[1]\n```\nthen');
    expect(filtered.markers.map((marker) => marker.numbers)).toEqual([[2], [3]]);
  });

  it('gives the same, wherever the stream is cut', () => {
    const piece = fc.constantFrom(
      'a',
      ' ',
      '[',
      ']',
      '1',
      '12',
      ',',
      '-',
      '`',
      '\n',
      '.',
      '😀',
      '[1]',
      ' [2, 3]',
      '】',
      '【',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const whole = filter([pieces.join('')]);
        expect(filter(pieces)).toEqual(whole);
        expect(filter([...pieces.join('')])).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });
});
