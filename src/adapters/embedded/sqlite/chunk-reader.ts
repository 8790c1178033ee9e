import type { DatabaseSync } from 'node:sqlite';
import type { Chunk } from '../../../domain/document.ts';
import type { ChunkId, CollectionId, DocumentId, WorkspaceId } from '../../../domain/ids.ts';
import type {
  EmbeddedCounts,
  EmbeddingModelRef,
  TokenStatistics,
  UnembeddedRequest,
} from '../../../domain/ports/chunk-index.ts';
import { CHUNK_COLUMNS, toChunk } from './chunk-rows.ts';
import { unpackVector } from './packed-values.ts';
import { Statements } from './statements.ts';

interface InWorkspace {
  readonly workspaceId: WorkspaceId;
}
interface OfModel extends InWorkspace {
  readonly model: EmbeddingModelRef;
}

const FROM = `FROM chunk JOIN content ON content.chunk_key = chunk.key JOIN document ON document.key = chunk.document_key
  JOIN workspace ON workspace.key = chunk.workspace_key AND workspace.workspace_id = ?`;
const PUBLISHED_CHUNK = `SELECT ${CHUNK_COLUMNS} ${FROM} AND document.active_version = chunk.version
  WHERE chunk.chunk_id = ?`;
const VERSION = `SELECT ${CHUNK_COLUMNS} ${FROM} WHERE document.workspace_key = workspace.key
  AND document.document_id = ? AND chunk.version = ? ORDER BY chunk.ordinal`;
const KEYS = `SELECT workspace.key AS workspace_key, model.key AS model_key FROM workspace, model
  WHERE workspace.workspace_id = ? AND model.model_id = ? AND model.dimensions = ?`;
const MODEL = 'SELECT key FROM model WHERE model_id = ? AND dimensions = ?';
/** The first two parameters are workspace and collection; the order is that of an index. */
const OF_COLLECTION = `JOIN document ON document.key = chunk.document_key AND document.active_version = chunk.version
  WHERE chunk.workspace_key = (SELECT key FROM workspace WHERE workspace_id = ?) AND chunk.collection_id = ?`;
const HAS_VECTOR =
  'EXISTS (SELECT 1 FROM vector WHERE vector.chunk_key = chunk.key AND vector.model_key = ?)';
const WITHOUT_VECTOR = `AND chunk.chunk_id > ? AND NOT ${HAS_VECTOR} ORDER BY chunk.chunk_id LIMIT ?`;
const UNEMBEDDED = `SELECT ${CHUNK_COLUMNS} FROM chunk JOIN content ON content.chunk_key = chunk.key
  ${OF_COLLECTION} ${WITHOUT_VECTOR}`;
const UNEMBEDDED_OF_VERSION = `SELECT ${CHUNK_COLUMNS} ${FROM} WHERE document.workspace_key = workspace.key
  AND document.document_id = ? AND chunk.version = ? ${WITHOUT_VECTOR}`;
const COUNT_PUBLISHED = `SELECT count(*) AS count FROM chunk ${OF_COLLECTION}`;
const VECTOR_OF_HASH = `SELECT vector.vector FROM chunk
  JOIN vector ON vector.chunk_key = chunk.key AND vector.model_key = ?
  WHERE chunk.workspace_key = ? AND chunk.content_hash = ? LIMIT 1`;
const CHUNK_COUNT = 'SELECT chunk_count FROM model_statistics WHERE workspace_key = ? AND model_key = ?';
const FREQUENCY = `SELECT chunk_count FROM token_frequency WHERE workspace_key = ? AND model_key = ? AND token = ?`;

/** Look-ups in the chunk index that are no searches. */
export class ChunkReader {
  readonly #statements: Statements;

  constructor(database: DatabaseSync) {
    this.#statements = new Statements(database);
  }

  get({ workspaceId, chunkIds }: InWorkspace & { readonly chunkIds: readonly ChunkId[] }): Chunk[] {
    return [...new Set(chunkIds)].flatMap((id) => {
      const row = this.#statements.get(PUBLISHED_CHUNK, workspaceId, id);
      return row === undefined ? [] : toChunk(row);
    });
  }

  listVersion({
    workspaceId,
    documentId,
    version,
  }: InWorkspace & { readonly documentId: DocumentId; readonly version: number }): Chunk[] {
    return this.#statements.all(VERSION, workspaceId, documentId, version).map(toChunk);
  }

  findVectors({
    workspaceId,
    model,
    contentHashes,
  }: OfModel & { readonly contentHashes: readonly string[] }): Map<string, Float32Array> {
    const keys = this.#keys(workspaceId, model);
    const vectors = new Map<string, Float32Array>();
    if (keys === undefined) return vectors;
    for (const hash of contentHashes) {
      const { vector } = this.#statements.get(VECTOR_OF_HASH, keys.model, keys.workspace, hash) ?? {};
      if (vector !== undefined) vectors.set(hash, unpackVector(vector));
    }
    return vectors;
  }

  tokenStatistics({
    workspaceId,
    model,
    tokenIds,
  }: OfModel & { readonly tokenIds: readonly number[] }): TokenStatistics {
    const keys = this.#keys(workspaceId, model);
    if (keys === undefined) return { chunkCount: 0, chunkFrequencies: tokenIds.map(() => 0) };
    const count = (sql: string, ...more: number[]): number => {
      const { chunk_count: found = 0 } = this.#statements.get(sql, keys.workspace, keys.model, ...more) ?? {};
      return Number(found);
    };
    return {
      chunkCount: count(CHUNK_COUNT),
      chunkFrequencies: tokenIds.map((token) => count(FREQUENCY, token)),
    };
  }

  listUnembedded({
    workspaceId,
    model,
    of,
    after = '' as ChunkId,
    limit,
  }: OfModel & UnembeddedRequest): Chunk[] {
    const rest = [after, this.#modelKey(model), limit] as const;
    const rows =
      'version' in of
        ? this.#statements.all(UNEMBEDDED_OF_VERSION, workspaceId, of.documentId, of.version, ...rest)
        : this.#statements.all(UNEMBEDDED, workspaceId, of.collectionId, ...rest);
    return rows.map(toChunk);
  }

  countEmbedded({
    workspaceId,
    model,
    collectionId,
  }: OfModel & { readonly collectionId: CollectionId }): EmbeddedCounts {
    const count = (sql: string, ...more: number[]) =>
      Number(this.#statements.get(sql, workspaceId, collectionId, ...more)?.['count'] ?? 0);
    return {
      chunkCount: count(COUNT_PUBLISHED),
      embeddedCount: count(`${COUNT_PUBLISHED} AND ${HAS_VECTOR}`, this.#modelKey(model)),
    };
  }

  /** 0 for a model that nothing was embedded with: keys begin at 1. */
  #modelKey({ modelId, dimensions }: EmbeddingModelRef): number {
    return Number(this.#statements.get(MODEL, modelId, dimensions)?.['key'] ?? 0);
  }

  #keys(workspaceId: WorkspaceId, { modelId, dimensions }: EmbeddingModelRef) {
    const row = this.#statements.get(KEYS, workspaceId, modelId, dimensions);
    if (row === undefined) return undefined;
    const { workspace_key: workspace, model_key: model } = row;
    return { workspace: Number(workspace), model: Number(model) };
  }
}
