import { createHash } from 'node:crypto';
import type { FilterScalar } from '../../domain/metadata-filter.ts';

/** Search indexes leave very long tokens out; a digest finds them again. UTF-16 units. */
const FACET_LENGTH_MAX = 512;

/** Stands in `facets` of a chunk whose metadata has the field, whatever its value. */
export function existsFacet(field: string): string {
  return shortened(JSON.stringify([field]));
}

/** Stands in `facets` of a chunk whose metadata has the value (or an equal element) there; types are told apart. */
export function valueFacet(field: string, value: FilterScalar): string {
  return shortened(JSON.stringify([field, value]));
}

function shortened(facet: string): string {
  if (facet.length <= FACET_LENGTH_MAX) return facet;
  return `sha256:${createHash('sha256').update(facet).digest('base64url')}`;
}
