import type { ScoredChunk } from '../../domain/ports/chunk-index.ts';

/** Best first; equal scores in the order of their ids, so that a search repeats itself. */
export function ranked(scored: readonly ScoredChunk[], limit: number): readonly ScoredChunk[] {
  return scored
    .toSorted((left, right) => right.score - left.score || (left.chunkId < right.chunkId ? -1 : 1))
    .slice(0, limit);
}
