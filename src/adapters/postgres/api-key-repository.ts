import { z } from 'zod';
import { type ApiKeyId, trustedId } from '../../domain/ids.ts';
import type { ApiKeyRecord, ApiKeyRepository } from '../../domain/ports/identity.ts';
import { API_KEY_SCOPES } from '../../domain/principal.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { millis } from './rows.ts';
import { roleSchema } from './workspace-repository.ts';

const FIND_BY_HASH = {
  name: 'api_key_find_by_hash',
  text: `SELECT id, workspace_id AS "workspaceId", user_id AS "userId", name, role, scopes,
  secret_hash AS "secretHash", created_at AS "createdAt", revoked_at AS "revokedAt"
FROM api_keys WHERE secret_hash = $1`,
};
const apiKeyRow = z.object({
  id: z.string(),
  workspaceId: z.string(),
  userId: z.string(),
  name: z.string(),
  role: roleSchema,
  scopes: z.array(z.enum(API_KEY_SCOPES)),
  secretHash: z.string(),
  createdAt: millis,
  revokedAt: millis.nullable(),
});

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
    const [row] = await this.#database.query(FIND_BY_HASH, [secretHash]);
    return row === undefined ? undefined : toApiKey(row);
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

function toApiKey(stored: unknown): ApiKeyRecord {
  const row = apiKeyRow.parse(stored);
  return {
    ...row,
    id: trustedId('key', row.id),
    workspaceId: trustedId('wsp', row.workspaceId),
    userId: trustedId('usr', row.userId),
  };
}
