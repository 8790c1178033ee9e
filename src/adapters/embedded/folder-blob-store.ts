import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError } from '../../domain/errors.ts';
import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { makeFolder, syncFolder } from './durable-file.ts';
import { errorCode, fromFileError } from './storage-error.ts';

const KEY_LENGTH_MAX = 512;
const SEGMENT_LENGTH_MAX = 200;
/** No dots, no empty segment: a key cannot leave its workspace's folder. */
const KEY = /^[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/;
/** Keys have no dots, so the blob `a` (file `a.blob`) and the blobs below `a/` (folder `a`) never meet. */
const BLOB_SUFFIX = '.blob';
const UNFINISHED = '.unfinished';
/** No upload takes longer; what is older belongs to a process that died. */
const UNFINISHED_AGE_MAX_MS = 24 * 60 * 60 * 1_000;

/** Blobs as files, `<folder>/<workspace>/<key>.blob`; written beside, synced, then renamed into place. */
export class FolderBlobStore implements BlobStore {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(options: { readonly folder: string; readonly clock: Clock }): Promise<FolderBlobStore> {
    const unfinished = join(options.folder, UNFINISHED);
    try {
      await makeFolder(unfinished);
      await removeOlderThan(unfinished, options.clock.now() - UNFINISHED_AGE_MAX_MS);
    } catch (error) {
      throw fromFileError(options.folder, error);
    }
    return new FolderBlobStore(options.folder);
  }

  async put(
    scope: WorkspaceScope,
    key: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const path = this.#path(scope, key);
    const unfinished = join(this.#folder, UNFINISHED, randomUUID());
    try {
      await writeSynced(unfinished, bytes);
      await makeFolder(dirname(path));
      await rename(unfinished, `${path}${BLOB_SUFFIX}`);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw fromWriteError(path, error);
    }
  }

  async get(scope: WorkspaceScope, key: string): Promise<Uint8Array | undefined> {
    const path = `${this.#path(scope, key)}${BLOB_SUFFIX}`;
    try {
      return await readFile(path);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw fromFileError(path, error);
    }
  }

  async remove(scope: WorkspaceScope, key: string): Promise<void> {
    const path = this.#path(scope, key);
    try {
      await rm(`${path}${BLOB_SUFFIX}`, { force: true });
      await rm(path, { recursive: true, force: true });
      await syncFolder(dirname(path));
    } catch (error) {
      // The parent is missing when nothing was ever put there.
      if (errorCode(error) !== 'ENOENT') throw fromFileError(path, error);
    }
  }

  #path({ workspaceId }: WorkspaceScope, key: string): string {
    const segments = key.split('/');
    const fits = key.length <= KEY_LENGTH_MAX && segments.every((part) => part.length <= SEGMENT_LENGTH_MAX);
    if (!fits || !KEY.test(key) || !KEY.test(workspaceId)) {
      throw new DomainError('BAD_USER_INPUT', 'This is not a key of a blob.');
    }
    return join(this.#folder, workspaceId, ...segments);
  }
}

async function writeSynced(path: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    if (bytes instanceof Uint8Array) await handle.writeFile(bytes);
    else for await (const part of bytes) await writeWhole(handle, part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One write may take fewer bytes than it was given. */
async function writeWhole(handle: FileHandle, part: Uint8Array): Promise<void> {
  for (let offset = 0; offset < part.length; ) {
    offset += (await handle.write(part, offset)).bytesWritten;
  }
}

const WRITING = new Set(['open', 'write', 'fsync', 'close', 'rename', 'mkdir']);

/** What the source of the bytes threw (a broken connection, a limit) is the caller's own and passes unchanged. */
function fromWriteError(path: string, error: unknown): unknown {
  const ours = error instanceof Error && 'syscall' in error && WRITING.has(String(error.syscall));
  return ours ? fromFileError(path, error) : error;
}

async function removeOlderThan(folder: string, instant: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const modified = await stat(path).then(
      (entry) => entry.mtimeMs,
      () => instant,
    );
    if (modified < instant) await rm(path, { force: true });
  }
}
