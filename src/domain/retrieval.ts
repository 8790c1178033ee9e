import type { ChunkId } from './ids.ts';

/** Which of the two legs find and rank. */
export const RETRIEVAL_MODES = ['HYBRID', 'LEXICAL', 'VECTOR'] as const;
export type RetrievalMode = (typeof RETRIEVAL_MODES)[number];

/** How the two legs' results become one ranking. */
export const FUSIONS = ['MIN_MAX', 'RRF'] as const;
export type Fusion = (typeof FUSIONS)[number];

/** What orders the best candidates anew. */
export const RERANKINGS = ['NONE', 'DIVERSITY', 'CROSS_ENCODER'] as const;
export type Reranking = (typeof RERANKINGS)[number];

export const RETRIEVAL_STAGES = ['LEXICAL', 'VECTOR', 'FUSION', 'RERANKING'] as const;
/** What one stage of a search knew, best first. */
export interface RetrievalStage {
  readonly name: (typeof RETRIEVAL_STAGES)[number];
  readonly candidates: readonly { readonly chunkId: ChunkId; readonly score: number }[];
}
