import { DomainError, notFound } from '../../domain/errors.ts';
import type { CollectionId } from '../../domain/ids.ts';
import type { CollectionRepository } from '../../domain/ports/identity.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';

const COLLECTIONS_MAX = 32;

/**
 * The distinct collections asked for; undefined (all of them) for none or an empty list. Throws NOT_FOUND if one is
 * not of this workspace: searching nothing in silence would look like an empty answer.
 */
export async function checkCollections(
  collections: Pick<CollectionRepository, 'find'>,
  scope: WorkspaceScope,
  collectionIds: readonly CollectionId[] | undefined,
): Promise<readonly CollectionId[] | undefined> {
  if (collectionIds === undefined || collectionIds.length === 0) return undefined;
  const distinct = [...new Set(collectionIds)];
  if (distinct.length > COLLECTIONS_MAX) {
    throw new DomainError('BAD_USER_INPUT', `Name at most ${COLLECTIONS_MAX} collections.`);
  }
  const found = await Promise.all(distinct.map((id) => collections.find(scope, id)));
  if (found.includes(undefined)) throw notFound('collection');
  return distinct;
}
