import { describe, expect, it } from 'vitest';
import { bm25, countTerms, inverseDocumentFrequency, type LexicalChunk } from '../../../src/domain/bm25.ts';

function chunkOf(terms: readonly string[]): LexicalChunk {
  const counts = countTerms(terms);
  return { length: terms.length, termFrequency: (term) => counts.get(term) ?? 0 };
}
const corpus = {
  chunkCount: 10,
  averageLength: 4,
  chunkFrequency: (term: string) => (term === 'common' ? 10 : 1),
};

describe('bm25', () => {
  it('computes the values of the published formula', () => {
    // idf = ln(1 + 9.5 / 1.5); tf part = 2 / (2 + 1.2 · (0.25 + 0.75 · 4 / 4)).
    expect(bm25(['rare'], chunkOf(['rare', 'rare', 'x', 'y']), corpus)).toBeCloseTo(
      Math.log(1 + 9.5 / 1.5) * (2 / 3.2),
      12,
    );
    expect(inverseDocumentFrequency(1, 1)).toBeCloseTo(0.28768, 5);
  });

  it('is positive for a term in every chunk, and less than for a rare one', () => {
    const common = bm25(['common'], chunkOf(['common', 'rare']), corpus);
    const rare = bm25(['rare'], chunkOf(['common', 'rare']), corpus);
    expect(common).toBeGreaterThan(0);
    expect(rare).toBeGreaterThan(common);
  });

  it('prefers the shorter of two chunks with the same words', () => {
    const short = bm25(['rare'], chunkOf(['rare', 'x']), corpus);
    const long = bm25(['rare'], chunkOf(['rare', ...Array.from({ length: 20 }, () => 'x')]), corpus);
    expect(short).toBeGreaterThan(long);
  });

  it('counts a repeated question word once and an absent one not at all', () => {
    const chunk = chunkOf(['rare', 'x']);
    expect(bm25(['rare', 'rare', 'absent'], chunk, corpus)).toBe(bm25(['rare'], chunk, corpus));
    expect(bm25(['absent'], chunk, corpus)).toBe(0);
  });
});
