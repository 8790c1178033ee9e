import type { Chunk } from '../../../domain/document.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { ChunkId, CollectionId, DocumentId } from '../../../domain/ids.ts';
import type {
  ChunkIndex,
  ChunkSelection,
  ChunkVector,
  EmbeddedCounts,
  EmbeddingModelRef,
  IndexedChunk,
  ScoredChunk,
  TokenStatistics,
  UnembeddedRequest,
} from '../../../domain/ports/chunk-index.ts';
import type { Lifecycle } from '../../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { unlessAborted } from '../abortable.ts';
import type { ChunkReadOperations } from './chunk-read-thread.ts';
import { CHUNK_SCHEMA } from './chunk-schema.ts';
import type { ChunkWriteOperations } from './chunk-write-thread.ts';
import { openDatabase } from './open-database.ts';
import { ThreadClient } from './thread-client.ts';

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const READ_ENTRY = new URL(`./chunk-read-thread.${EXTENSION}`, import.meta.url);
const WRITE_ENTRY = new URL(`./chunk-write-thread.${EXTENSION}`, import.meta.url);

/**
 * The chunk index in one SQLite file, which several processes may open: chunks, vectors, postings and statistics. One
 * thread searches and another writes, so that neither stops the event loop nor waits for the other. The vectors are
 * scanned exactly (as bytes, then scored as floats), so nothing is built and nothing can be out of date.
 */
export class SqliteChunkIndex implements ChunkIndex, Lifecycle {
  readonly #reading: ThreadClient<ChunkReadOperations>;
  readonly #writing: ThreadClient<ChunkWriteOperations>;

  /** Throws STORE_UNAVAILABLE when the file is damaged or cannot be written. Threads start when first needed. */
  constructor(path: string) {
    openDatabase({ path, ...CHUNK_SCHEMA }).close();
    this.#reading = new ThreadClient<ChunkReadOperations>(READ_ENTRY, { path });
    this.#writing = new ThreadClient<ChunkWriteOperations>(WRITE_ENTRY, { path });
  }

  async upsert(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    chunks: readonly IndexedChunk[],
  ): Promise<void> {
    for (const { vector } of chunks) requireDimensions(model, vector);
    if (chunks.length > 0) await this.#writing.call('upsert', { workspaceId, model, chunks });
  }

  publish({ workspaceId }: WorkspaceScope, documentId: DocumentId, version: number): Promise<void> {
    return this.#writing.call('publish', { workspaceId, documentId, version });
  }

  remove({ workspaceId }: WorkspaceScope, documentId: DocumentId, version?: number): Promise<void> {
    return this.#writing.call('remove', { workspaceId, documentId, version });
  }

  findVectors(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    contentHashes: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>> {
    return this.#reading.call('findVectors', { workspaceId, model, contentHashes });
  }

  searchLexical(
    { workspaceId }: WorkspaceScope,
    terms: readonly string[],
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]> {
    return this.#reading.call('searchLexical', { workspaceId, terms, selection, limit });
  }

  async searchVector(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]> {
    requireDimensions(model, vector);
    return this.#reading.call('searchVector', { workspaceId, model, vector, selection, limit });
  }

  scoreLexical(
    { workspaceId }: WorkspaceScope,
    terms: readonly string[],
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    return this.#reading.call('scoreLexical', { workspaceId, terms, chunkIds });
  }

  async scoreVector(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    requireDimensions(model, vector);
    return this.#reading.call('scoreVector', { workspaceId, model, vector, chunkIds });
  }

  get({ workspaceId }: WorkspaceScope, chunkIds: readonly ChunkId[]): Promise<readonly Chunk[]> {
    return this.#reading.call('get', { workspaceId, chunkIds });
  }

  listVersion(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    version: number,
  ): Promise<readonly Chunk[]> {
    return this.#reading.call('listVersion', { workspaceId, documentId, version });
  }

  tokenStatistics(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    tokenIds: readonly number[],
  ): Promise<TokenStatistics> {
    return this.#reading.call('tokenStatistics', { workspaceId, model, tokenIds });
  }

  /** Nothing is built: vectors are scanned. */
  async prepareModel(): Promise<void> {}

  async putVectors(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    vectors: readonly ChunkVector[],
  ): Promise<void> {
    for (const { vector } of vectors) requireDimensions(model, vector);
    if (vectors.length > 0) await this.#writing.call('putVectors', { workspaceId, model, vectors });
  }

  listUnembedded(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    request: UnembeddedRequest,
  ): Promise<readonly Chunk[]> {
    return this.#reading.call('listUnembedded', { workspaceId, model, ...request });
  }

  countEmbedded(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<EmbeddedCounts> {
    return this.#reading.call('countEmbedded', { workspaceId, model, collectionId });
  }

  /** In steps, so that other writers come in between. */
  async dropModel(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<void> {
    let after: ChunkId | undefined;
    do {
      after = await this.#writing.call('dropVectors', { workspaceId, model, collectionId, after });
    } while (after !== undefined);
  }

  health(signal: AbortSignal): Promise<void> {
    return unlessAborted(this.#reading.call('ping', undefined), signal);
  }

  /** What is under way is finished first. Repeating it is harmless. */
  async close(): Promise<void> {
    await Promise.all([this.#writing.close(), this.#reading.close()]);
  }
}

function requireDimensions(model: EmbeddingModelRef, vector: Float32Array): void {
  if (vector.length === model.dimensions) return;
  throw new DomainError(
    'BAD_USER_INPUT',
    `A vector of ${model.modelId} has ${model.dimensions} dimensions, not ${vector.length}.`,
  );
}
