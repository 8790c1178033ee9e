/**
 * BM25 as Lucene 8 and later computes it: without the constant factor (k1 + 1), which changes no order. Lengths are
 * exact here; Lucene rounds them to one byte. Statistics are those of one workspace, so that nothing another tenant
 * stores moves a score.
 */
const K1 = 1.2;
const B = 0.75;

export interface LexicalCorpus {
  /** Published chunks of the workspace. */
  readonly chunkCount: number;
  /** Mean number of terms of those chunks, repeats counted. */
  readonly averageLength: number;
  /** Number of those chunks that contain the term. */
  chunkFrequency(term: string): number;
}
export interface LexicalChunk {
  /** Number of terms, repeats counted. */
  readonly length: number;
  /** How often the chunk contains the term; 0 if it does not. */
  termFrequency(term: string): number;
}

/** Always positive, also for a term that every chunk contains. */
export function inverseDocumentFrequency(chunkCount: number, chunkFrequency: number): number {
  return Math.log(1 + (chunkCount - chunkFrequency + 0.5) / (chunkFrequency + 0.5));
}

/** One term's share of a chunk's score; 0 when the chunk does not contain it. */
export function termScore(idf: number, termFrequency: number, length: number, averageLength: number): number {
  if (termFrequency === 0) return 0;
  return (idf * termFrequency) / (termFrequency + K1 * (1 - B + (B * length) / averageLength));
}

/** Sum over the distinct query terms: asking for a word twice does not make it matter more. */
export function bm25(terms: readonly string[], chunk: LexicalChunk, corpus: LexicalCorpus): number {
  let score = 0;
  for (const term of new Set(terms)) {
    const frequency = chunk.termFrequency(term);
    if (frequency === 0) continue;
    const idf = inverseDocumentFrequency(corpus.chunkCount, corpus.chunkFrequency(term));
    score += termScore(idf, frequency, chunk.length, corpus.averageLength);
  }
  return score;
}

/** How often each term occurs. */
export function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}
