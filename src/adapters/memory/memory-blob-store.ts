import { DomainError } from '../../domain/errors.ts';
import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';

const KEY = /^[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/;

export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Uint8Array>();

  async put(
    scope: WorkspaceScope,
    key: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const path = blobPath(scope, key);
    this.#blobs.set(path, bytes instanceof Uint8Array ? Uint8Array.from(bytes) : await gather(bytes));
  }

  async get(scope: WorkspaceScope, key: string): Promise<Uint8Array | undefined> {
    return this.#blobs.get(blobPath(scope, key))?.slice();
  }

  async remove(scope: WorkspaceScope, key: string): Promise<void> {
    const path = blobPath(scope, key);
    for (const stored of this.#blobs.keys()) {
      if (stored === path || stored.startsWith(`${path}/`)) this.#blobs.delete(stored);
    }
  }
}

function blobPath({ workspaceId }: WorkspaceScope, key: string): string {
  if (!KEY.test(key)) throw new DomainError('BAD_USER_INPUT', 'This is not a key of a blob.');
  return `${workspaceId}/${key}`;
}

async function gather(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const part of parts) copies.push(Uint8Array.from(part));
  return Uint8Array.from(Buffer.concat(copies));
}
