import type { UploadId } from '../../domain/ids.ts';
import type { UploadRecord, UploadRepository } from '../../domain/ports/documents.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { MemoryDatabase } from './memory-database.ts';

export class MemoryUploadRepository implements UploadRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async create({ workspaceId }: WorkspaceScope, upload: UploadRecord): Promise<void> {
    this.#database.uploads.set(upload.id, { ...upload, workspaceId });
  }

  async find({ workspaceId }: WorkspaceScope, uploadId: UploadId): Promise<UploadRecord | undefined> {
    const row = this.#database.uploads.get(uploadId);
    if (row?.workspaceId !== workspaceId) return undefined;
    const { workspaceId: _workspaceId, ...upload } = row;
    return upload;
  }

  async advance(
    { workspaceId }: WorkspaceScope,
    uploadId: UploadId,
    { from, byteLength, partKey }: Parameters<UploadRepository['advance']>[2],
  ): Promise<boolean> {
    const row = this.#database.uploads.get(uploadId);
    if (row?.workspaceId !== workspaceId || row.status !== 'CREATED' || row.receivedBytes !== from)
      return false;
    const advanced = { receivedBytes: from + byteLength, partKeys: [...row.partKeys, partKey] };
    this.#database.uploads.set(uploadId, { ...row, ...advanced });
    return true;
  }

  async receive({ workspaceId }: WorkspaceScope, uploadId: UploadId, contentHash: string): Promise<boolean> {
    const row = this.#database.uploads.get(uploadId);
    if (row?.workspaceId !== workspaceId || row.status !== 'CREATED') return false;
    this.#database.uploads.set(uploadId, { ...row, status: 'RECEIVED', contentHash });
    return true;
  }

  async markIngested({ workspaceId }: WorkspaceScope, uploadId: UploadId): Promise<void> {
    const row = this.#database.uploads.get(uploadId);
    if (row?.workspaceId !== workspaceId) return;
    this.#database.uploads.set(uploadId, { ...row, status: 'INGESTED' });
  }

  async reap(
    _scope: SystemScope,
    now: number,
    limit: number,
  ): Promise<readonly { readonly scope: WorkspaceScope; readonly id: UploadId }[]> {
    const expired = [...this.#database.uploads.values()]
      .filter((row) => row.status !== 'INGESTED' && row.expiresAt <= now)
      .slice(0, limit);
    for (const { id } of expired) this.#database.uploads.delete(id);
    return expired.map(({ id, workspaceId }) => ({ scope: { workspaceId }, id }));
  }
}
