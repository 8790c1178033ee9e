import { z } from 'zod';
import { type ApiKeyId, trustedId } from '../../domain/ids.ts';
import type { ApiKeyRecord, ApiKeyRepository } from '../../domain/ports/identity.ts';
import { API_KEY_SCOPES } from '../../domain/principal.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import type { ApiKey } from './generated/client.ts';
import { parseRole } from './workspace-repository.ts';

export class PostgresApiKeyRepository implements ApiKeyRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create({ workspaceId }: WorkspaceScope, apiKey: ApiKeyRecord): Promise<void> {
    await this.#database.orm((prisma) =>
      prisma.apiKey.create({
        data: {
          ...apiKey,
          workspaceId,
          scopes: [...apiKey.scopes],
          createdAt: new Date(apiKey.createdAt),
          revokedAt: apiKey.revokedAt === null ? null : new Date(apiKey.revokedAt),
        },
      }),
    );
  }

  async findByHash(_scope: SystemScope, secretHash: string): Promise<ApiKeyRecord | undefined> {
    const row = await this.#database.orm((prisma) => prisma.apiKey.findUnique({ where: { secretHash } }));
    return row === null ? undefined : toApiKey(row);
  }

  async list({ workspaceId }: WorkspaceScope): Promise<readonly ApiKeyRecord[]> {
    const rows = await this.#database.orm((prisma) =>
      prisma.apiKey.findMany({
        where: { workspaceId, revokedAt: null },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      }),
    );
    return rows.map(toApiKey);
  }

  async revoke(
    { workspaceId }: WorkspaceScope,
    apiKeyId: ApiKeyId,
    now: number,
  ): Promise<'revoked' | 'unknown'> {
    const { count } = await this.#database.orm((prisma) =>
      prisma.apiKey.updateMany({
        where: { id: apiKeyId, workspaceId, revokedAt: null },
        data: { revokedAt: new Date(now) },
      }),
    );
    return count === 1 ? 'revoked' : 'unknown';
  }
}

const scopesSchema = z.array(z.enum(API_KEY_SCOPES));

function toApiKey(row: ApiKey): ApiKeyRecord {
  return {
    id: trustedId('key', row.id),
    workspaceId: trustedId('wsp', row.workspaceId),
    userId: trustedId('usr', row.userId),
    name: row.name,
    role: parseRole(row.role),
    scopes: scopesSchema.parse(row.scopes),
    secretHash: row.secretHash,
    createdAt: row.createdAt.getTime(),
    revokedAt: row.revokedAt?.getTime() ?? null,
  };
}
