import type { Chunk } from '../../domain/document.ts';
import type { CollectionId, WorkspaceId } from '../../domain/ids.ts';
import type {
  ChunkVector,
  EmbeddedCounts,
  EmbeddingModelRef,
  UnembeddedRequest,
} from '../../domain/ports/chunk-index.ts';
import { CHUNK_FIELDS, rowId, toChunk } from './chunk-rows.ts';
import { tokenPathOf, vectorPathOf } from './index-definitions.ts';
import type { ModelIndexes } from './model-indexes.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { modelKeyOf } from './vector-codec.ts';
import { vectorUpdate } from './vector-update.ts';
import type { WorkspaceView } from './workspace-states.ts';

export interface ModelVectorsDeps {
  readonly connection: MongoConnection;
  readonly models: MongoModels;
  readonly modelIndexes: ModelIndexes;
  readonly binaryVectors: boolean;
}
interface OfCollection {
  readonly model: EmbeddingModelRef;
  readonly collectionId: CollectionId;
}

/** Longest that the removal of one model's vectors of a collection may take. */
const DROP_TIMEOUT_MS = 10 * 60_000;
/** Sorts after every character of an id. */
const AFTER_ALL = '\uffff';

/** One model's vectors of stored chunks: added, looked for and taken away; the chunks themselves are not touched. */
export class ModelVectors {
  readonly #deps: ModelVectorsDeps;

  constructor(deps: ModelVectorsDeps) {
    this.#deps = deps;
  }

  prepare(model: EmbeddingModelRef, signal: AbortSignal): Promise<void> {
    return this.#deps.modelIndexes.waitUntilQueryable(model, signal);
  }

  async put(
    workspaceId: WorkspaceId,
    model: EmbeddingModelRef,
    vectors: readonly ChunkVector[],
  ): Promise<void> {
    const { connection, models, modelIndexes, binaryVectors: isBinary } = this.#deps;
    await modelIndexes.ensure(model);
    const operations = vectors.map((each) => ({
      updateOne: {
        // No upsert: a chunk that was removed meanwhile stays removed.
        filter: { _id: rowId(workspaceId, each.chunkId), contentHash: each.contentHash },
        update: vectorUpdate(modelKeyOf(model), each, { isBinary }),
      },
    }));
    await connection.run(() => models.chunks.collection.bulkWrite(operations as never[], { ordered: false }));
    await this.#noteChange(workspaceId);
  }

  async listUnembedded(
    workspaceId: WorkspaceId,
    view: WorkspaceView,
    { model, of, after, limit }: UnembeddedRequest & { readonly model: EmbeddingModelRef },
  ): Promise<readonly Chunk[]> {
    const { connection, models } = this.#deps;
    // The primary key begins with the workspace: this is a walk along it from where the last one ended.
    const _id = { $gt: rowId(workspaceId, after ?? ''), $lt: rowId(workspaceId, AFTER_ALL) };
    const among = 'version' in of ? { workspaceId, ...of } : published(workspaceId, view, of.collectionId);
    const filter = { _id, ...among, models: { $ne: modelKeyOf(model) } };
    const options = { sort: { _id: 1 as const }, limit, maxTimeMS: connection.operationTimeoutMs };
    const rows = await connection.run(() => models.chunks.find(filter, CHUNK_FIELDS, options).lean().exec());
    return rows.map(toChunk);
  }

  async countEmbedded(
    workspaceId: WorkspaceId,
    view: WorkspaceView,
    { model, collectionId }: OfCollection,
  ): Promise<EmbeddedCounts> {
    const filter = published(workspaceId, view, collectionId);
    const [chunkCount, embeddedCount] = await Promise.all([
      this.#count(filter),
      this.#count({ ...filter, models: modelKeyOf(model) }),
    ]);
    return { chunkCount, embeddedCount };
  }

  /** The definition of the model's index stays: other collections, of any workspace, may use it. */
  async drop(workspaceId: WorkspaceId, model: EmbeddingModelRef, collectionId: CollectionId): Promise<void> {
    const { connection, models } = this.#deps;
    const modelKey = modelKeyOf(model);
    const filter = { workspaceId, collectionId, models: modelKey };
    const update = {
      $unset: { [vectorPathOf(modelKey)]: 1, [tokenPathOf(modelKey)]: 1 },
      $pull: { models: modelKey },
    };
    await connection.run(() => models.chunks.collection.updateMany(filter, update as never), DROP_TIMEOUT_MS);
    await this.#noteChange(workspaceId);
  }

  #count(filter: Readonly<Record<string, unknown>>): Promise<number> {
    const { connection, models } = this.#deps;
    const options = { maxTimeMS: connection.operationTimeoutMs };
    return connection.run(() => models.chunks.countDocuments(filter, options).exec());
  }

  /** What was counted of the model's token ids, and remembered, no longer holds. */
  async #noteChange(workspaceId: WorkspaceId): Promise<void> {
    const { connection, models } = this.#deps;
    const filter = { _id: workspaceId as never };
    await connection.run(() =>
      models.workspaces.collection.updateOne(filter, { $inc: { change: 1 } }, { upsert: true }),
    );
  }
}

function published(workspaceId: WorkspaceId, { hiddenEditions }: WorkspaceView, collectionId: CollectionId) {
  return { workspaceId, collectionId, edition: { $nin: hiddenEditions } };
}
