import type { DatabaseSync } from 'node:sqlite';
import { type ChunkId, type CollectionId, trustedId, type WorkspaceId } from '../../../domain/ids.ts';
import type { ChunkVector, EmbeddingModelRef } from '../../../domain/ports/chunk-index.ts';
import { inTransaction } from './open-database.ts';
import { Statements } from './statements.ts';
import { discountVector, modelKeyOf, noteChange, putVector, workspaceKeyOf } from './vector-rows.ts';

export interface DropPart {
  readonly collectionId: CollectionId;
  /** Go on after this chunk. */
  readonly after: ChunkId | undefined;
}

const PLACE = `SELECT chunk.key, chunk.document_key, document.active_version = chunk.version AS visible FROM chunk
  JOIN document ON document.key = chunk.document_key
  WHERE chunk.workspace_key = ? AND chunk.chunk_id = ? AND chunk.content_hash = ?`;
const EMBEDDED = `SELECT chunk.key, chunk.chunk_id, chunk.document_key, document.active_version = chunk.version AS visible
  FROM chunk JOIN document ON document.key = chunk.document_key
  JOIN vector ON vector.chunk_key = chunk.key AND vector.model_key = ?
  WHERE chunk.workspace_key = ? AND chunk.collection_id = ? AND chunk.chunk_id > ? ORDER BY chunk.chunk_id LIMIT ?`;
const DELETE = 'DELETE FROM vector WHERE chunk_key = ? AND model_key = ?';
/** One transaction's; others write in between. */
const DROP_COUNT_MAX = 500;

/** Adds a model's vectors to stored chunks, and takes them away again; the chunks themselves are not touched. */
export class VectorWriter {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = new Statements(database);
  }

  put(workspaceId: WorkspaceId, model: EmbeddingModelRef, vectors: readonly ChunkVector[]): void {
    inTransaction(this.#database, () => {
      const workspaceKey = workspaceKeyOf(this.#statements, workspaceId);
      const modelKey = modelKeyOf(this.#statements, model);
      const seen = new Set<number>();
      for (const each of vectors) {
        const row = this.#statements.get(PLACE, workspaceKey, each.chunkId, each.contentHash);
        if (row === undefined) continue;
        const { key, document_key: documentKey, visible } = row;
        const isCounted = visible === 1;
        putVector(this.#statements, { workspaceKey, modelKey, chunkKey: Number(key), isCounted }, each);
        if (isCounted) seen.add(Number(documentKey));
      }
      for (const key of seen) noteChange(this.#statements, { key, workspaceKey });
    });
  }

  /** A bounded part; returns where to go on, or undefined when nothing is left. */
  drop(
    workspaceId: WorkspaceId,
    model: EmbeddingModelRef,
    { collectionId, after = '' as ChunkId }: DropPart,
  ): ChunkId | undefined {
    return inTransaction(this.#database, () => {
      const workspaceKey = workspaceKeyOf(this.#statements, workspaceId);
      const modelKey = modelKeyOf(this.#statements, model);
      const rows = this.#statements.all(
        EMBEDDED,
        modelKey,
        workspaceKey,
        collectionId,
        after,
        DROP_COUNT_MAX,
      );
      const seen = new Set<number>();
      for (const { key, document_key: documentKey, visible } of rows) {
        const chunkKey = Number(key);
        if (visible === 1) {
          discountVector(this.#statements, { workspaceKey, modelKey, chunkKey });
          seen.add(Number(documentKey));
        }
        this.#statements.run(DELETE, chunkKey, modelKey);
      }
      for (const key of seen) noteChange(this.#statements, { key, workspaceKey });
      const { chunk_id: last } = rows.at(-1) ?? {};
      return rows.length < DROP_COUNT_MAX ? undefined : trustedId('chk', String(last));
    });
  }
}
