/** How relevant a document is to a question, by its id: 0 or missing is not at all, more is better. */
export type Judgements = ReadonlyMap<string, number>;

export const RANKING_METRICS = ['ndcg@10', 'recall@10', 'recall@100', 'mrr@10'] as const;
export type RankingMetric = (typeof RANKING_METRICS)[number];

/**
 * The measures of one question, each from 0 to 1, as trec_eval computes them: the gain of a document is its grade, the
 * discount log2(rank + 1). `ranking` is best first, each document once. Undefined without any relevant document.
 */
export function measureRanking(
  ranking: readonly string[],
  judgements: Judgements,
): Record<RankingMetric, number> | undefined {
  const grades = [...judgements.values()].filter((grade) => grade > 0).sort((a, b) => b - a);
  if (grades.length === 0) return undefined;
  const gains = ranking.map((id) => Math.max(0, judgements.get(id) ?? 0));
  return {
    'ndcg@10': discountedGain(gains, 10) / discountedGain(grades, 10),
    'recall@10': relevantCount(gains, 10) / grades.length,
    'recall@100': relevantCount(gains, 100) / grades.length,
    'mrr@10': reciprocalRank(gains, 10),
  };
}

function discountedGain(gains: readonly number[], depth: number): number {
  return gains.slice(0, depth).reduce((sum, gain, index) => sum + gain / Math.log2(index + 2), 0);
}

function relevantCount(gains: readonly number[], depth: number): number {
  return gains.slice(0, depth).filter((gain) => gain > 0).length;
}

function reciprocalRank(gains: readonly number[], depth: number): number {
  const first = gains.slice(0, depth).findIndex((gain) => gain > 0);
  return first === -1 ? 0 : 1 / (first + 1);
}
