import type { Page } from '../domain/ports/system.ts';

export interface Connection<Item> {
  readonly edges: readonly { readonly cursor: string; readonly node: Item }[];
  readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
}

/** `cursorOf` an item says where a page after it begins. */
export function toConnection<Item>(page: Page<Item>, cursorOf: (item: Item) => string): Connection<Item> {
  const edges = page.items.map((node) => ({ cursor: cursorOf(node), node }));
  return { edges, pageInfo: { endCursor: edges.at(-1)?.cursor ?? null, hasNextPage: page.hasNextPage } };
}
