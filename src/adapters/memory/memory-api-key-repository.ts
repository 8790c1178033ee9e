import type { ApiKeyId } from '../../domain/ids.ts';
import type { ApiKeyRecord, ApiKeyRepository } from '../../domain/ports/identity.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { MemoryDatabase } from './memory-database.ts';
import { newestFirst } from './paging.ts';

export class MemoryApiKeyRepository implements ApiKeyRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async create({ workspaceId }: WorkspaceScope, apiKey: ApiKeyRecord): Promise<void> {
    this.#database.apiKeys.set(apiKey.id, { ...apiKey, workspaceId });
  }

  async findByHash(_scope: SystemScope, secretHash: string): Promise<ApiKeyRecord | undefined> {
    return [...this.#database.apiKeys.values()].find((apiKey) => apiKey.secretHash === secretHash);
  }

  async list({ workspaceId }: WorkspaceScope): Promise<readonly ApiKeyRecord[]> {
    return [...this.#database.apiKeys.values()]
      .filter((apiKey) => apiKey.workspaceId === workspaceId && apiKey.revokedAt === null)
      .sort((left, right) => newestFirst([left.createdAt, left.id], [right.createdAt, right.id]));
  }

  async revoke(
    { workspaceId }: WorkspaceScope,
    apiKeyId: ApiKeyId,
    now: number,
  ): Promise<'revoked' | 'unknown'> {
    const apiKey = this.#database.apiKeys.get(apiKeyId);
    const isOurs = apiKey?.workspaceId === workspaceId && apiKey.revokedAt === null;
    if (apiKey === undefined || !isOurs) return 'unknown';
    this.#database.apiKeys.set(apiKeyId, { ...apiKey, revokedAt: now });
    return 'revoked';
  }
}
