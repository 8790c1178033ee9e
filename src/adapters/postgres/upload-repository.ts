import { z } from 'zod';
import { trustedId, type UploadId } from '../../domain/ids.ts';
import type { UploadRecord, UploadRepository } from '../../domain/ports/documents.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';

/** $1 now, $2 limit. */
const REAP = {
  name: 'upload_reap',
  text: `
WITH due AS (
  SELECT id FROM uploads WHERE expires_at <= $1 AND status <> 'INGESTED'
  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM uploads u USING due WHERE u.id = due.id RETURNING u.id, u.workspace_id AS "workspaceId"`,
};
/** $1 workspace, $2 upload, $3 offset, $4 bytes, $5 key. */
const ADVANCE = {
  name: 'upload_advance',
  text: `UPDATE uploads SET received_bytes = received_bytes + $4::bigint, part_keys = part_keys || $5::text
WHERE workspace_id = $1 AND id = $2 AND received_bytes = $3::bigint AND status = 'CREATED' RETURNING id`,
};
const reaped = z.array(z.object({ id: z.string(), workspaceId: z.string() }));
const statusSchema = z.enum(['CREATED', 'RECEIVED', 'INGESTED']);

export class PostgresUploadRepository implements UploadRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create({ workspaceId }: WorkspaceScope, upload: UploadRecord): Promise<void> {
    await this.#database.orm((prisma) =>
      prisma.upload.create({
        data: {
          ...upload,
          workspaceId,
          expiresAt: new Date(upload.expiresAt),
          partKeys: [...upload.partKeys],
        },
      }),
    );
  }

  async find({ workspaceId }: WorkspaceScope, uploadId: UploadId): Promise<UploadRecord | undefined> {
    const row = await this.#database.orm((prisma) =>
      prisma.upload.findUnique({ where: { id: uploadId, workspaceId } }),
    );
    if (row === null) return undefined;
    const { fileName, mediaType, contentHash, partKeys } = row;
    return {
      id: uploadId,
      userId: trustedId('usr', row.userId),
      ...{ fileName, mediaType, contentHash, partKeys },
      receivedBytes: Number(row.receivedBytes),
      size: Number(row.size),
      expiresAt: row.expiresAt.getTime(),
      status: statusSchema.parse(row.status),
    };
  }

  async advance(
    { workspaceId }: WorkspaceScope,
    uploadId: UploadId,
    part: Parameters<UploadRepository['advance']>[2],
  ): Promise<boolean> {
    const values = [workspaceId, uploadId, part.from, part.byteLength, part.partKey];
    return (await this.#database.query(ADVANCE, values)).length === 1;
  }

  async receive({ workspaceId }: WorkspaceScope, uploadId: UploadId, contentHash: string): Promise<boolean> {
    const { count } = await this.#database.orm((prisma) =>
      prisma.upload.updateMany({
        where: { id: uploadId, workspaceId, status: 'CREATED' },
        data: { status: 'RECEIVED', contentHash },
      }),
    );
    return count === 1;
  }

  async markIngested({ workspaceId }: WorkspaceScope, uploadId: UploadId): Promise<void> {
    await this.#database.orm((prisma) =>
      prisma.upload.updateMany({ where: { id: uploadId, workspaceId }, data: { status: 'INGESTED' } }),
    );
  }

  async reap(
    _scope: SystemScope,
    now: number,
    limit: number,
  ): Promise<readonly { readonly scope: WorkspaceScope; readonly id: UploadId }[]> {
    const rows = reaped.parse(await this.#database.query(REAP, [new Date(now), limit]));
    return rows.map(({ id, workspaceId }) => ({
      scope: { workspaceId: trustedId('wsp', workspaceId) },
      id: trustedId('upl', id),
    }));
  }
}
