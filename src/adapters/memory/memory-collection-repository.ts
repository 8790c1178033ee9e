import { notFound } from '../../domain/errors.ts';
import type { CollectionId } from '../../domain/ids.ts';
import type { CollectionRecord, CollectionRepository } from '../../domain/ports/identity.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { MemoryDatabase } from './memory-database.ts';

export class MemoryCollectionRepository implements CollectionRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async create(scope: WorkspaceScope, collection: CollectionRecord): Promise<'created' | 'name-taken'> {
    if (!this.#database.workspaces.has(scope.workspaceId)) throw notFound('workspace');
    if (this.#list(scope).some(({ name }) => name === collection.name)) return 'name-taken';
    const { workspaceId } = scope;
    this.#database.collections.set(collection.id, { ...collection, workspaceId });
    return 'created';
  }

  async find(scope: WorkspaceScope, collectionId: CollectionId): Promise<CollectionRecord | undefined> {
    return this.#list(scope).find(({ id }) => id === collectionId);
  }

  async list(scope: WorkspaceScope): Promise<readonly CollectionRecord[]> {
    return this.#list(scope).sort((left, right) => left.createdAt - right.createdAt);
  }

  #list({ workspaceId }: WorkspaceScope): CollectionRecord[] {
    const rows = [...this.#database.collections.values()].filter((row) => row.workspaceId === workspaceId);
    return rows.map(({ id, name, createdAt }) => ({ id, name, createdAt }));
  }
}
