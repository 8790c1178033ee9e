import type { ChunkId } from '../../../domain/ids.ts';

/** A chunk scored by both legs. */
export interface Candidate {
  readonly chunkId: ChunkId;
  readonly lexicalScore: number;
  readonly vectorScore: number;
}
export interface FusedCandidate extends Candidate {
  /** 0 to 1; comparable within one search only. */
  readonly score: number;
}

/**
 * The one fusion: each leg is scaled to 0…1 between its lowest and highest score in the union of both legs, then
 * weighed. A leg that says the same of every candidate says nothing and adds 0. Best first; ties in a stable order.
 */
export function fuse(candidates: readonly Candidate[], vectorWeight: number): FusedCandidate[] {
  const lexical = scaler(candidates.map((candidate) => candidate.lexicalScore));
  const vector = scaler(candidates.map((candidate) => candidate.vectorScore));
  const fused = candidates.map((candidate) => ({
    ...candidate,
    score:
      (1 - vectorWeight) * lexical(candidate.lexicalScore) + vectorWeight * vector(candidate.vectorScore),
  }));
  return fused.sort((a, b) => b.score - a.score || (a.chunkId < b.chunkId ? -1 : 1));
}

/** Of Cormack, Clarke and Büttcher (2009). */
const RANK_OFFSET = 60;

/**
 * Reciprocal rank fusion: ranks instead of scores, for legs whose scores have no steady scale. What a leg scores 0 has
 * no rank there. Scaled so that first in both legs is 1.
 */
export function fuseRanks(candidates: readonly Candidate[], vectorWeight: number): FusedCandidate[] {
  const lexical = reciprocalRanks(candidates, ({ lexicalScore }) => lexicalScore);
  const vector = reciprocalRanks(candidates, ({ vectorScore }) => vectorScore);
  const fused = candidates.map((candidate, index) => ({
    ...candidate,
    score: (1 - vectorWeight) * (lexical[index] ?? 0) + vectorWeight * (vector[index] ?? 0),
  }));
  return fused.sort((a, b) => b.score - a.score || (a.chunkId < b.chunkId ? -1 : 1));
}

function reciprocalRanks(
  candidates: readonly Candidate[],
  scoreOf: (candidate: Candidate) => number,
): number[] {
  const order = candidates.map((candidate, index) => ({ index, score: scoreOf(candidate) }));
  order.sort((a, b) => b.score - a.score);
  const ranks = new Array<number>(candidates.length).fill(0);
  order.forEach(({ index, score }, rank) => {
    if (score > 0) ranks[index] = (RANK_OFFSET + 1) / (RANK_OFFSET + 1 + rank);
  });
  return ranks;
}

function scaler(scores: readonly number[]): (score: number) => number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const score of scores) {
    if (score < low) low = score;
    if (score > high) high = score;
  }
  const range = high - low;
  // One candidate alone must not look like no match: a positive constant is a full score.
  if (range === 0) return (score) => (scores.length === 1 && score > 0 ? 1 : 0);
  return (score) => (score - low) / range;
}
