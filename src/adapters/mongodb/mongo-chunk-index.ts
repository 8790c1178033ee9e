import { z } from 'zod';
import type { Chunk } from '../../domain/document.ts';
import {
  type ChunkId,
  type CollectionId,
  type DocumentId,
  trustedId,
  type WorkspaceId,
} from '../../domain/ids.ts';
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
} from '../../domain/ports/chunk-index.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { MongoCapabilities } from './capabilities.ts';
import { ChunkFrequencies } from './chunk-frequencies.ts';
import { CHUNK_FIELDS, rowId, toChunk } from './chunk-rows.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { IndexAdministration } from './index-administration.ts';
import { tokenPathOf, vectorPathOf } from './index-definitions.ts';
import { IndexLag } from './index-lag.ts';
import { LexicalCandidates } from './lexical-candidates.ts';
import { LexicalSearch } from './lexical-search.ts';
import { ModelIndexes } from './model-indexes.ts';
import { ModelVectors } from './model-vectors.ts';
import type { MongoConnection } from './mongo-connection.ts';
import { createModels, type MongoModels } from './mongo-models.ts';
import { ranked } from './ranked.ts';
import { dotProduct, modelKeyOf, requireDimensions, unpackVector } from './vector-codec.ts';
import { VectorSearch } from './vector-search.ts';
import { WorkspaceStates, type WorkspaceView } from './workspace-states.ts';

export interface MongoChunkIndexDeps {
  readonly connection: MongoConnection;
  readonly capabilities: MongoCapabilities;
  readonly clock: Clock;
}

const storedVectorsSchema = z.array(
  z.object({
    chunkId: z.string(),
    contentHash: z.string(),
    vectors: z.record(z.string(), z.unknown()).optional(),
  }),
);
type StoredVector = z.output<typeof storedVectorsSchema>[number];

/** Chunks, vectors and terms in one collection of MongoDB; what readers see of it is `workspace-states.ts`. */
export class MongoChunkIndex implements ChunkIndex {
  readonly #connection: MongoConnection;
  readonly #models: MongoModels;
  readonly #states: WorkspaceStates;
  readonly #frequencies: ChunkFrequencies;
  readonly #lexical: LexicalSearch;
  readonly #vectors: VectorSearch;
  readonly #writer: ChunkWriter;
  readonly #modelVectors: ModelVectors;

  constructor({ connection, capabilities, clock }: MongoChunkIndexDeps) {
    const models = createModels(connection.mongoose);
    const states = new WorkspaceStates(connection, models);
    const frequencies = new ChunkFrequencies(connection, models);
    const store = { connection, models };
    this.#connection = connection;
    this.#models = models;
    this.#states = states;
    this.#frequencies = frequencies;
    this.#lexical = new LexicalSearch({
      ...{ ...store, frequencies, hasSearch: capabilities.search },
      candidates: new LexicalCandidates(connection, models),
    });
    this.#vectors = new VectorSearch({ ...store, capabilities });
    const { binaryVectors } = capabilities;
    const administration = new IndexAdministration(connection, clock);
    const modelIndexes = new ModelIndexes(administration);
    this.#modelVectors = new ModelVectors({ ...store, modelIndexes, binaryVectors });
    this.#writer = new ChunkWriter({
      ...{ ...store, states, modelIndexes, binaryVectors },
      lag: new IndexLag({ ...store, capabilities, clock }),
    });
  }

  async upsert(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    chunks: readonly IndexedChunk[],
  ): Promise<void> {
    for (const { vector } of chunks) requireDimensions(model, vector);
    if (chunks.length > 0) await this.#writer.upsert(workspaceId, model, chunks);
  }

  publish({ workspaceId }: WorkspaceScope, documentId: DocumentId, version: number): Promise<void> {
    return this.#writer.publish(workspaceId, documentId, version);
  }

  remove({ workspaceId }: WorkspaceScope, documentId: DocumentId, version?: number): Promise<void> {
    return this.#writer.remove(workspaceId, documentId, version);
  }

  async findVectors(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    contentHashes: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>> {
    if (contentHashes.length === 0) return new Map();
    const filter = { workspaceId, contentHash: { $in: contentHashes }, models: modelKeyOf(model) };
    const rows = await this.#storedVectors(model, filter);
    return new Map(rows.map((row) => [row.contentHash, vectorOf(row, model)]));
  }

  searchLexical(
    scope: WorkspaceScope,
    terms: readonly string[],
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]> {
    const query = { terms, selection, limit };
    return this.#states.read(scope.workspaceId, (view) => this.#lexical.search(scope, view, query));
  }

  async searchVector(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]> {
    requireDimensions(model, vector);
    const query = { model, vector, selection, limit };
    return this.#states.read(scope.workspaceId, (view) => this.#vectors.search(scope, view, query));
  }

  scoreLexical(
    scope: WorkspaceScope,
    terms: readonly string[],
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    const query = { terms, chunkIds };
    return this.#states.read(scope.workspaceId, (view) => this.#lexical.score(scope, view, query));
  }

  async scoreVector(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    requireDimensions(model, vector);
    const view = await this.#states.view(workspaceId);
    const filter = { ...published(workspaceId, view, chunkIds), models: modelKeyOf(model) };
    const rows = await this.#storedVectors(model, filter);
    const scored = rows.map((row) => ({
      chunkId: trustedId('chk', row.chunkId),
      score: dotProduct(vectorOf(row, model), vector),
    }));
    return ranked(scored, scored.length);
  }

  async get({ workspaceId }: WorkspaceScope, chunkIds: readonly ChunkId[]): Promise<readonly Chunk[]> {
    const view = await this.#states.view(workspaceId);
    const filter = published(workspaceId, view, chunkIds);
    return (await this.#find(filter, CHUNK_FIELDS)).map(toChunk);
  }

  async listVersion(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    version: number,
  ): Promise<readonly Chunk[]> {
    const rows = await this.#find({ workspaceId, documentId, version }, CHUNK_FIELDS);
    return rows.map(toChunk).sort((left, right) => left.ordinal - right.ordinal);
  }

  tokenStatistics(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    tokenIds: readonly number[],
  ): Promise<TokenStatistics> {
    const modelKey = modelKeyOf(model);
    return this.#states.read(workspaceId, async (view) => {
      const [counts, chunkFrequencies] = await Promise.all([
        this.#frequencies.count(workspaceId, view, 'models', [modelKey]),
        this.#frequencies.count(workspaceId, view, tokenPathOf(modelKey), tokenIds),
      ]);
      return { chunkCount: counts[0] ?? 0, chunkFrequencies };
    });
  }

  prepareModel(_scope: WorkspaceScope, model: EmbeddingModelRef, signal: AbortSignal): Promise<void> {
    return this.#modelVectors.prepare(model, signal);
  }

  async putVectors(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    vectors: readonly ChunkVector[],
  ): Promise<void> {
    for (const { vector } of vectors) requireDimensions(model, vector);
    if (vectors.length > 0) await this.#modelVectors.put(workspaceId, model, vectors);
  }

  async listUnembedded(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    request: UnembeddedRequest,
  ): Promise<readonly Chunk[]> {
    const view = await this.#states.view(workspaceId);
    return this.#modelVectors.listUnembedded(workspaceId, view, { model, ...request });
  }

  async countEmbedded(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<EmbeddedCounts> {
    const view = await this.#states.view(workspaceId);
    return this.#modelVectors.countEmbedded(workspaceId, view, { model, collectionId });
  }

  dropModel(
    { workspaceId }: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<void> {
    return this.#modelVectors.drop(workspaceId, model, collectionId);
  }

  async #storedVectors(model: EmbeddingModelRef, filter: Filter): Promise<readonly StoredVector[]> {
    const fields = { _id: 0, chunkId: 1, contentHash: 1, [vectorPathOf(modelKeyOf(model))]: 1 } as const;
    return storedVectorsSchema.parse(await this.#find(filter, fields));
  }

  #find(filter: Filter, fields: Readonly<Record<string, 0 | 1>>): Promise<readonly unknown[]> {
    const options = { maxTimeMS: this.#connection.operationTimeoutMs };
    return this.#connection.run(() => this.#models.chunks.find(filter, fields, options).lean().exec());
  }
}

type Filter = Readonly<Record<string, unknown>>;

/** By primary key; the edition is the second check. */
function published(workspaceId: WorkspaceId, view: WorkspaceView, chunkIds: readonly ChunkId[]): Filter {
  const _id = { $in: chunkIds.map((id) => rowId(workspaceId, id)) };
  return { _id, workspaceId, edition: { $nin: view.hiddenEditions } };
}

function vectorOf({ vectors }: StoredVector, model: EmbeddingModelRef): Float32Array {
  return unpackVector(vectors?.[modelKeyOf(model)], model.dimensions);
}
