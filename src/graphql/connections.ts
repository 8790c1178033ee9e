import type { Page } from '../domain/ports/system.ts';
import { encodeCursor } from './cursors.ts';

export interface Connection<Item> {
  readonly edges: readonly { readonly cursor: string; readonly node: Item }[];
  readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
}

/** `keyOf` gives the id and the number that the cursor of an item is made of. */
export function toConnection<Item>(
  page: Page<Item>,
  keyOf: (item: Item) => { readonly id: string; readonly number: number },
): Connection<Item> {
  const edges = page.items.map((node) => {
    const key = keyOf(node);
    return { cursor: encodeCursor(key.id, key.number), node };
  });
  return { edges, pageInfo: { endCursor: edges.at(-1)?.cursor ?? null, hasNextPage: page.hasNextPage } };
}
