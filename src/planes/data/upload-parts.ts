import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type { UploadRecord, UploadRepository } from '../../domain/ports/documents.ts';
import type { IdGenerator } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { partKey, partsKey } from './blob-keys.ts';

export interface UploadPartsDeps {
  readonly uploads: UploadRepository;
  readonly blobs: BlobStore;
  readonly ids: IdGenerator;
}
export type AppendOutcome =
  | { readonly kind: 'appended'; readonly upload: UploadRecord }
  /** Somebody else sent bytes for the same place first, or the upload is gone. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'too-large' };

/** What a dropped connection may cost, and what one request holds in memory. */
const PART_BYTES = 4 * 1024 * 1024;

/** The bytes of a resumable upload, in parts of which each is durable and counted before the next begins. */
export class UploadParts {
  readonly #deps: UploadPartsDeps;

  constructor(deps: UploadPartsDeps) {
    this.#deps = deps;
  }

  /** Keeps what came, also of a body that broke off. */
  async append(
    scope: WorkspaceScope,
    upload: UploadRecord,
    body: AsyncIterable<Uint8Array>,
  ): Promise<AppendOutcome> {
    const { uploads, blobs, ids } = this.#deps;
    let current = upload;
    for await (const piece of pieces(body)) {
      if (current.receivedBytes + piece.length > upload.size) return { kind: 'too-large' };
      // A name of its own: two senders for one place must not write over each other.
      const key = partKey(upload.id, ids.next('upl'));
      await blobs.put(scope, key, piece);
      const part = { from: current.receivedBytes, byteLength: piece.length, partKey: key };
      if (!(await uploads.advance(scope, upload.id, part))) {
        await blobs.remove(scope, key);
        return { kind: 'conflict' };
      }
      const { receivedBytes, partKeys } = current;
      current = {
        ...current,
        receivedBytes: receivedBytes + piece.length,
        partKeys: [...partKeys, key],
      };
    }
    return { kind: 'appended', upload: current };
  }

  /** All bytes in order. */
  async *joined(scope: WorkspaceScope, { partKeys }: UploadRecord): AsyncGenerator<Uint8Array> {
    for (const key of partKeys) {
      const part = await this.#deps.blobs.get(scope, key);
      if (part === undefined) throw new Error('a part of the upload is gone');
      yield part;
    }
  }

  async remove(scope: WorkspaceScope, { id }: UploadRecord): Promise<void> {
    await this.#deps.blobs.remove(scope, partsKey(id));
  }
}

/** Pieces of one length and a rest. A body that breaks off ends here: its sender asks how much came. */
async function* pieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of body) {
      waiting.push(part);
      length += part.length;
      if (length < PART_BYTES) continue;
      yield Buffer.concat(waiting);
      [waiting, length] = [[], 0];
    }
  } catch {
    // Nobody is left to be told.
  }
  if (length > 0) yield Buffer.concat(waiting);
}
