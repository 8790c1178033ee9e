import { type Chunk, indexedText } from '../../domain/document.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ChunkIndex, IndexedChunk } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';

export interface ChunkWriterDeps {
  readonly chunks: ChunkIndex;
  readonly embedder: Embedder;
}

/** More equal texts than this, and the probe's own chunk need not be among them. */
const PROBE_LIMIT = 20;
/** A vector finds itself, and its equals, with a score of 1; an index of small numbers may lose a little. */
const SELF_SCORE_MIN = 0.98;

/** Embeds and stores chunks, and asks the index whether it finds them. */
export class ChunkWriter {
  readonly #deps: ChunkWriterDeps;

  constructor(deps: ChunkWriterDeps) {
    this.#deps = deps;
  }

  /** Idempotent. A text that this model has embedded before, in whatever document of the workspace, is not sent again. */
  async write(scope: WorkspaceScope, batch: readonly Chunk[], signal: AbortSignal): Promise<void> {
    const { chunks, embedder } = this.#deps;
    const vectors = await this.#vectors(scope, batch, signal);
    const tokenIds = await embedder.tokenIdsOf(batch.map(textOf), signal);
    const indexed = batch.map((chunk, index): IndexedChunk => {
      const vector = vectors.get(chunk.contentHash);
      if (vector === undefined) throw new DomainError('MODEL_FAILED', 'The embedding model left a text out.');
      return { ...chunk, vector, tokenIds: tokenIds[index] ?? new Uint32Array() };
    });
    signal.throwIfAborted();
    await chunks.upsert(scope, embedder.model, indexed);
  }

  /** True when a search finds the published chunk by its vector, which a batch that was stored must have. */
  async isFound(scope: WorkspaceScope, chunk: Chunk): Promise<boolean> {
    const { chunks, embedder } = this.#deps;
    const [stored] = await chunks.get(scope, [chunk.id]);
    if (stored === undefined) return false;
    const vectors = await chunks.findVectors(scope, embedder.model, [chunk.contentHash]);
    const vector = vectors.get(chunk.contentHash);
    // A text without any known token has no direction: only words find it.
    if (vector === undefined || vector.every((value) => value === 0)) return true;
    const selection = { collectionIds: [chunk.collectionId], filter: [] };
    const hits = await chunks.searchVector(scope, embedder.model, vector, selection, PROBE_LIMIT);
    if (hits.some(({ chunkId }) => chunkId === chunk.id)) return true;
    return hits.length === PROBE_LIMIT && hits.every(({ score }) => score >= SELF_SCORE_MIN);
  }

  async #vectors(
    scope: WorkspaceScope,
    batch: readonly Chunk[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const { chunks, embedder } = this.#deps;
    const byHash = new Map(batch.map((chunk) => [chunk.contentHash, chunk]));
    const vectors = new Map(await chunks.findVectors(scope, embedder.model, [...byHash.keys()]));
    const missing = [...byHash.values()].filter(({ contentHash }) => !vectors.has(contentHash));
    if (missing.length === 0) return vectors;
    const made = await embedder.embedDocuments(missing.map(textOf), signal);
    for (const [index, { contentHash }] of missing.entries()) {
      const vector = made[index];
      if (vector !== undefined) vectors.set(contentHash, vector);
    }
    return vectors;
  }
}

function textOf({ headingPath, text }: Chunk): string {
  return indexedText(headingPath, text);
}
