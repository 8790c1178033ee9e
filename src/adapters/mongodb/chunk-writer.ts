import type { DocumentId, WorkspaceId } from '../../domain/ids.ts';
import type { EmbeddingModelRef, IndexedChunk } from '../../domain/ports/chunk-index.ts';
import { rowId, toRow } from './chunk-rows.ts';
import type { IndexLag } from './index-lag.ts';
import type { ModelIndexes } from './model-indexes.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { modelKeyOf } from './vector-codec.ts';
import { vectorUpdate } from './vector-update.ts';
import type { WorkspaceStates } from './workspace-states.ts';

/** Longest that the removal of one document may take. */
const REMOVAL_TIMEOUT_MS = 2 * 60_000;

export interface ChunkWriterDeps {
  readonly connection: MongoConnection;
  readonly models: MongoModels;
  readonly states: WorkspaceStates;
  readonly modelIndexes: ModelIndexes;
  readonly lag: IndexLag;
  readonly binaryVectors: boolean;
}

/** The writing side: chunks are stored hidden, then their version is shown, then what it replaced is removed. */
export class ChunkWriter {
  readonly #deps: ChunkWriterDeps;

  constructor(deps: ChunkWriterDeps) {
    this.#deps = deps;
  }

  async upsert(
    workspaceId: WorkspaceId,
    model: EmbeddingModelRef,
    chunks: readonly IndexedChunk[],
  ): Promise<void> {
    const { connection, models, states, modelIndexes } = this.#deps;
    await modelIndexes.ensure(model);
    const published: { documentId: DocumentId; version: number }[] = [];
    for (const edition of editionsOf(chunks)) {
      const isPublished = await states.hideUnlessPublished(workspaceId, edition.documentId, edition.version);
      if (isPublished) published.push(edition);
    }
    const operations = chunks.map((chunk) => this.#toOperation(workspaceId, model, chunk));
    // The driver's own collection: Mongoose would cast every term and number of every chunk a second time.
    await connection.run(() => models.chunks.collection.bulkWrite(operations as never[], { ordered: false }));
    // Readers see these already: what is counted of them may have changed.
    for (const { documentId, version } of published) {
      const counts = await this.#count(workspaceId, documentId, version);
      await states.publish(workspaceId, { documentId, version, counts });
    }
  }

  async publish(workspaceId: WorkspaceId, documentId: DocumentId, version: number): Promise<void> {
    const { states, lag } = this.#deps;
    const counts = await this.#count(workspaceId, documentId, version);
    await lag.waitFor({ workspaceId, documentId, version, chunkCount: counts.chunkCount });
    if (!(await states.publish(workspaceId, { documentId, version, counts }))) return;
    await this.#delete({ workspaceId, documentId, version: { $lt: version } });
    await states.forget(workspaceId, documentId, (one) => one < version);
  }

  async remove(workspaceId: WorkspaceId, documentId: DocumentId, version?: number): Promise<void> {
    const { states } = this.#deps;
    await states.withdraw(workspaceId, documentId, version);
    await this.#delete({ workspaceId, documentId, ...(version === undefined ? {} : { version }) });
    await states.forget(workspaceId, documentId, (one) => version === undefined || one === version);
  }

  #toOperation(workspaceId: WorkspaceId, model: EmbeddingModelRef, chunk: IndexedChunk) {
    const modelKey = modelKeyOf(model);
    const { _id, ...row } = toRow(workspaceId, chunk);
    return {
      updateOne: {
        filter: { _id: rowId(workspaceId, chunk.id) },
        update: vectorUpdate(modelKey, chunk, { row, isBinary: this.#deps.binaryVectors }),
        upsert: true,
      },
    };
  }

  async #count(workspaceId: WorkspaceId, documentId: DocumentId, version: number) {
    const { connection, models } = this.#deps;
    const [row] = await connection.run(() =>
      models.chunks
        .aggregate<{ chunkCount: number; termCount: number }>([
          { $match: { workspaceId, documentId, version } },
          { $group: { _id: null, chunkCount: { $sum: 1 }, termCount: { $sum: '$termCount' } } },
        ])
        .option({ maxTimeMS: connection.operationTimeoutMs })
        .exec(),
    );
    return { chunkCount: row?.chunkCount ?? 0, termCount: row?.termCount ?? 0 };
  }

  async #delete(filter: Readonly<Record<string, unknown>>): Promise<void> {
    const { connection, models } = this.#deps;
    await connection.run(() => models.chunks.deleteMany(filter).exec(), REMOVAL_TIMEOUT_MS);
  }
}

function editionsOf(chunks: readonly IndexedChunk[]) {
  const editions = new Map(
    chunks.map(({ documentId, documentVersion: version }) => [
      `${documentId}:${version}`,
      { documentId, version },
    ]),
  );
  return [...editions.values()];
}
