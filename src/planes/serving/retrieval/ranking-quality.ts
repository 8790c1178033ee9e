/** What share of the reference's first ones is among the candidate's first ones. 1 for an empty reference. */
export function recall(reference: readonly string[], candidate: readonly string[]): number {
  if (reference.length === 0) return 1;
  const found = new Set(candidate);
  return reference.filter((id) => found.has(id)).length / reference.length;
}

/** nDCG of the candidate's order, the reference's first one being worth most and each after it one less. */
export function ndcg(reference: readonly string[], candidate: readonly string[]): number {
  if (reference.length === 0) return 1;
  const gains = new Map(reference.map((id, rank) => [id, reference.length - rank]));
  const gain = (ids: readonly string[]): number =>
    ids.reduce((sum, id, rank) => sum + (gains.get(id) ?? 0) / Math.log2(rank + 2), 0);
  return gain(candidate.slice(0, reference.length)) / gain(reference);
}
