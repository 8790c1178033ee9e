import { notFound } from '../../domain/errors.ts';
import { type CollectionId, trustedId } from '../../domain/ids.ts';
import type { CollectionRecord, CollectionRepository } from '../../domain/ports/identity.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { isForeignKeyViolation } from './errors.ts';
import type { Collection } from './generated/client.ts';

export class PostgresCollectionRepository implements CollectionRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(
    { workspaceId }: WorkspaceScope,
    { id, name, createdAt }: CollectionRecord,
  ): Promise<'created' | 'name-taken'> {
    const data = { id, workspaceId, name, createdAt: new Date(createdAt) };
    try {
      const { count } = await this.#database.orm((prisma) =>
        prisma.collection.createMany({ data, skipDuplicates: true }),
      );
      return count === 1 ? 'created' : 'name-taken';
    } catch (error) {
      throw isForeignKeyViolation(error) ? notFound('workspace') : error;
    }
  }

  async find(
    { workspaceId }: WorkspaceScope,
    collectionId: CollectionId,
  ): Promise<CollectionRecord | undefined> {
    const row = await this.#database.orm((prisma) =>
      prisma.collection.findUnique({ where: { id: collectionId, workspaceId } }),
    );
    return row === null ? undefined : toCollection(row);
  }

  async list({ workspaceId }: WorkspaceScope): Promise<readonly CollectionRecord[]> {
    const rows = await this.#database.orm((prisma) =>
      prisma.collection.findMany({ where: { workspaceId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    );
    return rows.map(toCollection);
  }
}

function toCollection(row: Collection): CollectionRecord {
  return { id: trustedId('col', row.id), name: row.name, createdAt: row.createdAt.getTime() };
}
