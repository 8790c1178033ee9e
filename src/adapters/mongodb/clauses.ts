/** One condition on a field, in the one form that all query languages here share. */
export type Clause =
  | { readonly path: ClausePath; readonly in: readonly string[] }
  | { readonly path: ClausePath; readonly notIn: readonly string[] };

/** Fields that every search index is filtered by. */
export const CLAUSE_PATHS = ['workspaceId', 'collectionId', 'edition', 'facets', 'metadataKey'] as const;
export type ClausePath = (typeof CLAUSE_PATHS)[number];

/** For `find`, `$match` and the filter of `$vectorSearch`. */
export function toMatch(clauses: readonly Clause[]): { $and: Record<string, unknown>[] } {
  return { $and: clauses.map((clause) => ({ [clause.path]: toOperator(clause) })) };
}

function toOperator(clause: Clause): unknown {
  if ('notIn' in clause) return { $nin: clause.notIn };
  // Equality is what the compound indexes start with.
  return clause.in.length === 1 ? { $eq: clause.in[0] } : { $in: clause.in };
}

/** For `$search`: members of `compound` that do not change the score. */
export function toCompound(clauses: readonly Clause[]): {
  filter: Record<string, unknown>[];
  mustNot: Record<string, unknown>[];
} {
  const filter = clauses.flatMap((one) => ('in' in one ? { in: { path: one.path, value: one.in } } : []));
  const mustNot = clauses.flatMap((one) =>
    'notIn' in one ? { in: { path: one.path, value: one.notIn } } : [],
  );
  return { filter, mustNot };
}
