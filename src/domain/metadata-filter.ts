import type { MetadataValue } from './document.ts';

export type FilterScalar = string | number | boolean;

/** One condition on one metadata field; every given operator must hold. Lists match when any element does. */
export interface FieldCondition {
  readonly field: string;
  readonly eq?: FilterScalar;
  readonly gte?: string | number;
  readonly lte?: string | number;
  readonly in?: readonly FilterScalar[];
  readonly exists?: boolean;
}

/** A conjunction: all conditions must hold. Empty: everything matches. */
export type MetadataFilter = readonly FieldCondition[];

/** The one meaning of a filter, which every index reproduces. */
export function matchesFilter(
  metadata: Readonly<Record<string, MetadataValue>>,
  filter: MetadataFilter,
): boolean {
  // Own fields only: `constructor` and `__proto__` are names that a client may send.
  const fieldOf = (field: string) => (Object.hasOwn(metadata, field) ? metadata[field] : undefined);
  return filter.every((condition) => matchesCondition(fieldOf(condition.field), condition));
}

function matchesCondition(value: MetadataValue | undefined, condition: FieldCondition): boolean {
  if (condition.exists !== undefined && condition.exists !== (value !== undefined)) return false;
  const operators = condition.eq ?? condition.gte ?? condition.lte ?? condition.in;
  if (operators === undefined) return true;
  if (value === undefined) return false;
  const candidates: readonly FilterScalar[] = Array.isArray(value) ? value : [value as FilterScalar];
  return candidates.some((candidate) => satisfies(candidate, condition));
}

function satisfies(candidate: FilterScalar, { eq, gte, lte, in: among }: FieldCondition): boolean {
  if (eq !== undefined && candidate !== eq) return false;
  if (among !== undefined && !among.includes(candidate)) return false;
  if (gte !== undefined && !(typeof candidate === typeof gte && candidate >= gte)) return false;
  if (lte !== undefined && !(typeof candidate === typeof lte && candidate <= lte)) return false;
  return true;
}
