import type { Page } from '../../domain/ports/system.ts';

/** The first `first` of items already in order, and whether more follow. */
export function pageOf<Item>(items: readonly Item[], first: number): Page<Item> {
  return { items: items.slice(0, first), hasNextPage: items.length > first };
}

/** Later times first; among equal times the greater id first, so that the order is total and a cursor exact. */
export function newestFirst(left: readonly [number, string], right: readonly [number, string]): number {
  if (left[0] !== right[0]) return right[0] - left[0];
  if (left[1] === right[1]) return 0;
  return left[1] < right[1] ? 1 : -1;
}
