import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import mongoose from 'mongoose';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { MongoConnection } from './mongo-connection.ts';
import { toDomainError } from './mongo-error.ts';

const { GridFSBucket, MongoError, ObjectId } = mongoose.mongo;

const BUCKET = 'blobs';
const KEY_LENGTH_MAX = 512;
const KEY = /^[a-z0-9_-]+(?:\/[a-z0-9_-]+)*$/;
/** The character after `/`: the keys below `a/` are those from `a/` to before `a0`. */
const AFTER_SLASH = '0';
/** A reader that always meets a replacement gives up here. */
const READ_ATTEMPTS_MAX = 10;
const TRANSFER_TIMEOUT_MS = 5 * 60_000;
/** No upload takes longer; what is older belongs to a process that died. */
const UNFINISHED_AGE_MAX_MS = 24 * 60 * 60 * 1_000;
const SWEEP_COUNT_MAX = 1_000;

type FileId = mongoose.mongo.ObjectId;
const fileIdSchema = z.instanceof(ObjectId);
const keySchema = z.object({ _id: z.string(), fileId: fileIdSchema });
const uploadSchema = z.object({ _id: fileIdSchema, key: z.string() });

/**
 * Blobs in GridFS. A key is one small document that names the file with its bytes, and changes in one step: GridFS alone
 * goes by the newest upload date, which depends on the clocks of two hosts. Every upload is noted before it begins, so
 * that what a dead process left behind is found again.
 */
export class GridFsBlobStore implements BlobStore {
  readonly #connection: MongoConnection;
  readonly #clock: Clock;
  readonly #bucket: mongoose.mongo.GridFSBucket;

  private constructor(connection: MongoConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#bucket = new GridFSBucket(connection.database, { bucketName: BUCKET });
  }

  /** Removes the leavings of processes that died in the middle of an upload. */
  static async open(connection: MongoConnection, clock: Clock): Promise<GridFsBlobStore> {
    const store = new GridFsBlobStore(connection, clock);
    await store.#sweep();
    return store;
  }

  async put(
    scope: WorkspaceScope,
    key: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const path = pathOf(scope, key);
    const fileId = new ObjectId();
    const note = { _id: fileId, key: path, startedAt: this.#clock.now() };
    await this.#connection.run(() => this.#uploads.insertOne(note));
    await this.#upload(fileId, path, bytes);
    const update = { $set: { fileId } };
    const options = { upsert: true, returnDocument: 'before' } as const;
    const previous = await this.#connection.run(() =>
      this.#keys.findOneAndUpdate({ _id: path }, update, options),
    );
    const replaced = keySchema.nullable().parse(previous)?.fileId;
    if (replaced !== undefined) await this.#discard(replaced, fileId);
    else await this.#connection.run(() => this.#uploads.deleteOne({ _id: fileId }));
  }

  async get(scope: WorkspaceScope, key: string): Promise<Uint8Array | undefined> {
    const path = pathOf(scope, key);
    for (let attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt += 1) {
      const fileId = await this.#fileIdOf(path);
      if (fileId === undefined) return undefined;
      const bytes = await this.#download(fileId);
      if (bytes !== undefined) return bytes;
    }
    throw new DomainError('STORE_UNAVAILABLE', 'The blob is being replaced too quickly to be read.');
  }

  async remove(scope: WorkspaceScope, key: string): Promise<void> {
    const path = pathOf(scope, key);
    const below = { _id: { $gte: `${path}/`, $lt: `${path}${AFTER_SLASH}` } };
    const rows = await this.#connection.run(() => this.#keys.find({ $or: [{ _id: path }, below] }).toArray());
    for (const { _id, fileId } of z.array(keySchema).parse(rows)) {
      const note = { _id: fileId, key: _id, startedAt: this.#clock.now() };
      await this.#connection.run(() => this.#uploads.replaceOne({ _id: fileId }, note, { upsert: true }));
      await this.#connection.run(() => this.#keys.deleteOne({ _id, fileId }));
      await this.#discard(fileId, fileId);
    }
  }

  get #keys() {
    return this.#connection.database.collection<{ _id: string; fileId: FileId }>(`${BUCKET}.keys`);
  }

  get #uploads() {
    return this.#connection.database.collection<{ _id: FileId; key: string; startedAt: number }>(
      `${BUCKET}.uploads`,
    );
  }

  async #fileIdOf(path: string): Promise<FileId | undefined> {
    const row = await this.#connection.run(() => this.#keys.findOne({ _id: path }));
    return keySchema.nullable().parse(row)?.fileId;
  }

  /** What the source of the bytes throws (a broken connection, a limit) is the caller's own and passes unchanged. */
  async #upload(fileId: FileId, path: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    let broken: { readonly by: unknown } | undefined;
    const source = async function* () {
      try {
        if (bytes instanceof Uint8Array) yield bytes;
        else yield* bytes;
      } catch (error) {
        broken = { by: error };
        throw error;
      }
    };
    const target = this.#bucket.openUploadStreamWithId(fileId, path);
    try {
      await pipeline(Readable.from(source()), target, { signal: AbortSignal.timeout(TRANSFER_TIMEOUT_MS) });
    } catch (error) {
      // A cleaning that fails too is the sweep's.
      await this.#discard(fileId, fileId).catch(() => undefined);
      throw broken === undefined ? toDomainError(error) : broken.by;
    }
  }

  /** undefined: the file was replaced or removed before its last byte was read. */
  async #download(fileId: FileId): Promise<Uint8Array | undefined> {
    try {
      return await this.#connection.run(async () => {
        const parts: Uint8Array[] = [];
        for await (const part of this.#bucket.openDownloadStream(fileId)) parts.push(part);
        return Buffer.concat(parts);
      }, TRANSFER_TIMEOUT_MS);
    } catch (error) {
      if (isFileMissing(error)) return undefined;
      throw error;
    }
  }

  /** Removes a file, then the note that would have had it removed. */
  async #discard(fileId: FileId, note: FileId): Promise<void> {
    await this.#connection.run(async () => {
      await this.#bucket.delete(fileId).catch((error: unknown) => {
        if (!isFileMissing(error)) throw error;
      });
      await this.#uploads.deleteOne({ _id: note });
    }, TRANSFER_TIMEOUT_MS);
  }

  async #sweep(): Promise<void> {
    const before = this.#clock.now() - UNFINISHED_AGE_MAX_MS;
    const rows = await this.#connection.run(() =>
      this.#uploads
        .find({ startedAt: { $lt: before } })
        .limit(SWEEP_COUNT_MAX)
        .toArray(),
    );
    for (const { _id: note, key } of z.array(uploadSchema).parse(rows)) {
      const current = await this.#fileIdOf(key);
      const files = await this.#connection.run(() => this.#bucket.find({ filename: key }).toArray());
      const stale = files.filter(({ _id }) => !current?.equals(_id) && _id.getTimestamp().getTime() < before);
      for (const { _id } of stale) await this.#discard(_id, _id);
      if (current === undefined || !current.equals(note)) await this.#discard(note, note);
      else await this.#connection.run(() => this.#uploads.deleteOne({ _id: note }));
    }
  }
}

function pathOf({ workspaceId }: WorkspaceScope, key: string): string {
  if (key.length <= KEY_LENGTH_MAX && KEY.test(key)) return `${workspaceId}/${key}`;
  throw new DomainError('BAD_USER_INPUT', 'This is not a key of a blob.');
}

/** GridFS: "FileNotFound", "File not found", "ChunkIsMissing" for a file whose chunks are going. */
function isFileMissing(error: unknown): boolean {
  return error instanceof MongoError && /FileNotFound|File not found|ChunkIsMissing/.test(error.message);
}
