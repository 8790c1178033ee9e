import { type Chunk, indexedText } from '../../../domain/document.ts';
import { addTotals, type BuildCost, NO_COST } from '../../../domain/embedding-deployment.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { ChunkId } from '../../../domain/ids.ts';
import type { ChunkIndex, IndexedChunk, UnembeddedRequest } from '../../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../../domain/ports/models.ts';
import type { Clock } from '../../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';

export interface MissingVectorsDeps {
  readonly chunks: ChunkIndex;
  readonly clock: Clock;
}
export interface EmbeddedBatch {
  readonly indexed: readonly IndexedChunk[];
  readonly cost: BuildCost;
}
export interface FilledBatch {
  readonly chunks: readonly Chunk[];
  readonly cost: BuildCost;
}

/** One request to an embedding server, one write to the index. */
const BATCH_SIZE = 64;

/** Embeds what has no vector of a model yet. */
export class MissingVectors {
  readonly #deps: MissingVectorsDeps;

  constructor(deps: MissingVectorsDeps) {
    this.#deps = deps;
  }

  /** A text that this model has embedded before, in whatever document of the workspace, is not sent again. */
  async embed(
    scope: WorkspaceScope,
    embedder: Embedder,
    batch: readonly Chunk[],
    signal: AbortSignal,
  ): Promise<EmbeddedBatch> {
    const byHash = new Map(batch.map((chunk) => [chunk.contentHash, chunk]));
    const vectors = new Map(await this.#deps.chunks.findVectors(scope, embedder.model, [...byHash.keys()]));
    const missing = [...byHash.values()].filter(({ contentHash }) => !vectors.has(contentHash));
    const { made, cost } = await this.#make(embedder, missing, signal);
    for (const [index, { contentHash }] of missing.entries()) {
      const vector = made[index];
      if (vector !== undefined) vectors.set(contentHash, vector);
    }
    const tokenIds = await embedder.tokenIdsOf(batch.map(textOf), signal);
    const indexed = batch.map((chunk, index): IndexedChunk => {
      const vector = vectors.get(chunk.contentHash);
      if (vector === undefined) throw new DomainError('MODEL_FAILED', 'The embedding model left a text out.');
      return { ...chunk, vector, tokenIds: tokenIds[index] ?? new Uint32Array() };
    });
    signal.throwIfAborted();
    return { indexed, cost };
  }

  /** Batch after batch, until a walk has found nothing more; what comes meanwhile may be found or not. */
  async *fill(
    scope: WorkspaceScope,
    embedder: Embedder,
    of: UnembeddedRequest['of'],
    signal: AbortSignal,
  ): AsyncGenerator<FilledBatch, void> {
    const { chunks } = this.#deps;
    let after: ChunkId | undefined;
    for (;;) {
      signal.throwIfAborted();
      const batch = await chunks.listUnembedded(scope, embedder.model, { of, after, limit: BATCH_SIZE });
      if (batch.length === 0) return;
      const { indexed, cost } = await this.embed(scope, embedder, batch, signal);
      const vectors = indexed.map(({ id: chunkId, contentHash, vector, tokenIds }) => ({
        ...{ chunkId, contentHash, vector, tokenIds },
      }));
      await chunks.putVectors(scope, embedder.model, vectors);
      after = batch.at(-1)?.id;
      yield { chunks: batch, cost };
    }
  }

  async #make(embedder: Embedder, missing: readonly Chunk[], signal: AbortSignal) {
    if (missing.length === 0) return { made: [], cost: NO_COST };
    const startedAt = this.#deps.clock.now();
    const texts = missing.map(textOf);
    const made = await embedder.embedDocuments(texts, signal);
    const characterCount = texts.reduce((sum, text) => sum + text.length, 0);
    const spent = { textCount: texts.length, characterCount, embedMs: this.#deps.clock.now() - startedAt };
    return { made, cost: addTotals(NO_COST, spent) };
  }
}

function textOf({ headingPath, text }: Chunk): string {
  return indexedText(headingPath, text);
}
