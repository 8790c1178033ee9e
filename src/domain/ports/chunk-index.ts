import type { Chunk } from '../document.ts';
import type { ChunkId, CollectionId, DocumentId } from '../ids.ts';
import type { MetadataFilter } from '../metadata-filter.ts';
import type { WorkspaceScope } from '../scope.ts';

/** Which embedding model made a vector. Vectors of different models are never compared. */
export interface EmbeddingModelRef {
  readonly modelId: string;
  readonly dimensions: number;
}

export interface IndexedChunk extends Chunk {
  /** Unit length, or all zero for a text without any known token. */
  readonly vector: Float32Array;
  /** Distinct token ids, for the embedder's query weights; empty if the embedder has none. */
  readonly tokenIds: Uint32Array;
}

/** What a model makes of a chunk that is stored already. */
export interface ChunkVector extends Pick<IndexedChunk, 'vector' | 'tokenIds'> {
  readonly chunkId: ChunkId;
  /** Of the text that was embedded. */
  readonly contentHash: string;
}
export interface UnembeddedRequest {
  /** The published chunks of a collection, or all of one version of a document. */
  readonly of:
    | { readonly collectionId: CollectionId }
    | { readonly documentId: DocumentId; readonly version: number };
  /** Go on after this one. */
  readonly after?: ChunkId | undefined;
  readonly limit: number;
}
/** Of the published chunks of a collection. */
export interface EmbeddedCounts {
  readonly chunkCount: number;
  /** Those that have a vector of the model. */
  readonly embeddedCount: number;
}

export interface ChunkSelection {
  /** undefined: all collections of the workspace. */
  readonly collectionIds?: readonly CollectionId[] | undefined;
  readonly filter: MetadataFilter;
}
export interface ScoredChunk {
  readonly chunkId: ChunkId;
  readonly score: number;
}
export interface TokenStatistics {
  readonly chunkCount: number;
  /** Number of published chunks that contain each asked token, in the order asked. */
  readonly chunkFrequencies: readonly number[];
}

/**
 * Chunks, their vectors and their lexical index; written by the data plane only. A version's chunks are invisible to
 * every search until `publish`, which makes them visible and its predecessors invisible in one step.
 * Workspace, collections and filter are applied inside the index query, so that a filtered search still fills its limit.
 */
export interface ChunkIndex {
  /** Idempotent by chunk id. A chunk keeps one vector, and one set of token ids, of each model that it came with. */
  upsert(scope: WorkspaceScope, model: EmbeddingModelRef, chunks: readonly IndexedChunk[]): Promise<void>;
  /** Atomic for readers; the older versions' chunks are removed. Repeating it, or an older version, changes nothing. */
  publish(scope: WorkspaceScope, documentId: DocumentId, version: number): Promise<void>;
  /** Removes one version, published or not; or all of the document. Visible to the next search. */
  remove(scope: WorkspaceScope, documentId: DocumentId, version?: number): Promise<void>;
  /** Vectors already computed by this model in this workspace for the given content hashes. */
  findVectors(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    contentHashes: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>>;
  /**
   * BM25 (`domain/bm25.ts`, of terms of `domain/text-analyzer.ts` over `indexedText`) by the statistics of all of the
   * workspace's published chunks, whatever is selected; best first, scores > 0 only.
   */
  searchLexical(
    scope: WorkspaceScope,
    terms: readonly string[],
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]>;
  /** Dot product; best first. */
  searchVector(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]>;
  /** BM25 of given chunks, also 0; those that are not published in this workspace are left out. */
  scoreLexical(
    scope: WorkspaceScope,
    terms: readonly string[],
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]>;
  scoreVector(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]>;
  /** Published chunks by id, in no order; unknown ones are left out. */
  get(scope: WorkspaceScope, chunkIds: readonly ChunkId[]): Promise<readonly Chunk[]>;
  /** Chunks of one version in document order, published or not. */
  listVersion(scope: WorkspaceScope, documentId: DocumentId, version: number): Promise<readonly Chunk[]>;
  tokenStatistics(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    tokenIds: readonly number[],
  ): Promise<TokenStatistics>;
  /**
   * Makes what searches by this model need (some servers have an index for each model) and resolves when it can be
   * queried. Repeating it is harmless. Throws DEADLINE_EXCEEDED (retryable) while it is still being built.
   */
  prepareModel(scope: WorkspaceScope, model: EmbeddingModelRef, signal: AbortSignal): Promise<void>;
  /**
   * Adds a vector of this model to chunks, or replaces it. What is gone, or of another text by now, is left out: nothing
   * comes back to life by it. Published chunks are found by it as soon as the index follows.
   */
  putVectors(scope: WorkspaceScope, model: EmbeddingModelRef, vectors: readonly ChunkVector[]): Promise<void>;
  /** Chunks without a vector of this model, in the order of their ids. */
  listUnembedded(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    request: UnembeddedRequest,
  ): Promise<readonly Chunk[]>;
  countEmbedded(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<EmbeddedCounts>;
  /** Removes this model's vectors of a collection, of unpublished chunks too; the chunks stay. Repeatable. */
  dropModel(scope: WorkspaceScope, model: EmbeddingModelRef, collectionId: CollectionId): Promise<void>;
}

/** Bytes under a key. Keys are made by the system: `[a-z0-9_/-]+`, no dots. */
export interface BlobStore {
  /** Durable when it resolves; replaces. A partly written blob is never visible. */
  put(scope: WorkspaceScope, key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void>;
  get(scope: WorkspaceScope, key: string): Promise<Uint8Array | undefined>;
  /** Everything at the key and below `key/`. */
  remove(scope: WorkspaceScope, key: string): Promise<void>;
}

/** Forgettable bytes with a time to live; bounded. */
export interface Cache {
  get(scope: WorkspaceScope, key: string): Promise<Uint8Array | undefined>;
  put(scope: WorkspaceScope, key: string, value: Uint8Array, ttlMs: number): Promise<void>;
  /** All keys that begin with the prefix. */
  remove(scope: WorkspaceScope, prefix: string): Promise<void>;
}
