import type { Passage } from '../../../domain/document.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { Reranker } from '../../../domain/ports/reranker.ts';
import type { Log } from '../../../domain/ports/system.ts';
import type { Reranking } from '../../../domain/retrieval.ts';
import { diversify } from './diversity.ts';

export interface RerankingDeps {
  /** undefined: no endpoint is configured. */
  readonly reranker?: Reranker | undefined;
  readonly log: Log;
}

/** Undefined asks for the best there is: the cross-encoder, where one is configured. */
export function rerankingOf(asked: Reranking | undefined, { reranker }: RerankingDeps): Reranking {
  if (asked === 'CROSS_ENCODER' && reranker === undefined) {
    throw new DomainError('BAD_USER_INPUT', 'No cross-encoder is configured (RERANK_URL).');
  }
  return asked ?? (reranker === undefined ? 'NONE' : 'CROSS_ENCODER');
}

/** Orders passages anew. A cross-encoder that fails costs its order, not the search. */
export async function rerank(
  { reranker, log }: RerankingDeps,
  { question, reranking }: { readonly question: string; readonly reranking: Reranking },
  passages: readonly Passage[],
  signal: AbortSignal,
): Promise<readonly Passage[]> {
  if (reranking === 'DIVERSITY') return diversify(passages);
  if (reranking === 'NONE' || reranker === undefined || passages.length === 0) return passages;
  try {
    const texts = passages.map(({ chunk }) => chunk.text);
    const scores = await reranker.score(question, texts, signal);
    return passages
      .map((passage, index) => ({ ...passage, score: scores[index] ?? 0 }))
      .sort((left, right) => right.score - left.score);
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn({ reason: String(error) }, 'the cross-encoder failed; passages stay in their fused order');
    return passages;
  }
}
