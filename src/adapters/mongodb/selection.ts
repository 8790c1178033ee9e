import { type FieldCondition, type FilterScalar, matchesFilter } from '../../domain/metadata-filter.ts';
import type { ChunkSelection } from '../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Clause } from './clauses.ts';
import { existsFacet, valueFacet } from './facets.ts';

/** A range over one metadata field; both bounds, where given, are of one type. */
export interface Range {
  readonly field: string;
  readonly gte?: string | number | undefined;
  readonly lte?: string | number | undefined;
}
export interface CompiledSelection {
  readonly clauses: readonly Clause[];
  /** What facets cannot say: a search stage has no "one and the same element is within". */
  readonly ranges: readonly Range[];
}

/** undefined: nothing can match, so nothing need be asked. */
export function compileSelection(
  { workspaceId }: WorkspaceScope,
  { collectionIds, filter }: ChunkSelection,
  hiddenEditions: readonly string[],
): CompiledSelection | undefined {
  if (collectionIds?.length === 0) return undefined;
  const clauses: Clause[] = [{ path: 'workspaceId', in: [workspaceId] }];
  if (collectionIds !== undefined) clauses.push({ path: 'collectionId', in: collectionIds });
  if (hiddenEditions.length > 0) clauses.push({ path: 'edition', notIn: hiddenEditions });
  const ranges: Range[] = [];
  for (const condition of filter) {
    const { field, exists } = condition;
    if (exists === true) clauses.push({ path: 'facets', in: [existsFacet(field)] });
    if (exists === false) clauses.push({ path: 'facets', notIn: [existsFacet(field)] });
    const compiled = compileValues(condition);
    if (compiled === 'nothing') return undefined;
    if (compiled === 'anything') continue;
    if ('path' in compiled) clauses.push(compiled);
    else ranges.push(compiled);
  }
  return { clauses, ranges };
}

/** With `eq` or `in` the values that satisfy the whole condition can be counted up: only bounds alone are a range. */
function compileValues(condition: FieldCondition): Clause | Range | 'nothing' | 'anything' {
  const { field, eq, in: among, gte, lte } = condition;
  if (eq !== undefined || among !== undefined) {
    const values = (eq === undefined ? (among ?? []) : [eq]).filter((value) => satisfies(value, condition));
    if (values.length === 0) return 'nothing';
    return { path: 'facets', in: [...new Set(values.map((value) => valueFacet(field, value)))] };
  }
  if (gte === undefined && lte === undefined) return 'anything';
  if (gte !== undefined && lte !== undefined && typeof gte !== typeof lte) return 'nothing';
  return { field, gte, lte };
}

function satisfies(value: FilterScalar, { exists: _exists, ...condition }: FieldCondition): boolean {
  return matchesFilter({ value }, [{ ...condition, field: 'value' }]);
}

/**
 * For `find` and `$match`. MongoDB compares within one type as the domain does; strings in the order of their code
 * points, where the domain's differs for characters beyond the basic plane alone.
 */
export function toRangeMatch({ field, gte, lte }: Range): Record<string, unknown> {
  const value = { ...(gte === undefined ? {} : { $gte: gte }), ...(lte === undefined ? {} : { $lte: lte }) };
  return { ordered: { $elemMatch: { field, value } } };
}
