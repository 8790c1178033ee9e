import { createHash } from 'node:crypto';
import type { Cache, ChunkIndex } from '../../../domain/ports/chunk-index.ts';
import type { EmbedderCatalog } from '../../../domain/ports/embedding-deployments.ts';
import type { Embedder } from '../../../domain/ports/models.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';

/** One for each embedder of the catalog. */
export class QueryEmbeddings {
  readonly #deps: Omit<QueryEmbeddingDeps, 'embedder'> & { readonly embedders: EmbedderCatalog };
  readonly #cacheTtlMs: number;
  readonly #made = new Map<Embedder, QueryEmbedding>();

  constructor(
    deps: Omit<QueryEmbeddingDeps, 'embedder'> & { readonly embedders: EmbedderCatalog },
    options: { readonly cacheTtlMs: number },
  ) {
    this.#deps = deps;
    this.#cacheTtlMs = options.cacheTtlMs;
  }

  of(name: string, embedder: Embedder): QueryEmbedding {
    const known = this.#made.get(embedder);
    if (known !== undefined) return known;
    const cacheTtlMs = this.#deps.embedders.isCacheable(name) ? this.#cacheTtlMs : 0;
    const made = new QueryEmbedding({ ...this.#deps, embedder }, { cacheTtlMs });
    this.#made.set(embedder, made);
    return made;
  }
}

export interface QueryEmbeddingDeps {
  readonly embedder: Embedder;
  readonly chunkIndex: Pick<ChunkIndex, 'tokenStatistics'>;
  readonly cache?: Cache | undefined;
}

/**
 * Embeds questions. The cache pays only for embedders that are asked over a network and weigh no statistics; with a
 * `cacheTtlMs` of 0 it is never touched. A cache that fails is a miss.
 */
export class QueryEmbedding {
  readonly #deps: QueryEmbeddingDeps;
  readonly #cacheTtlMs: number;

  constructor(deps: QueryEmbeddingDeps, options: { readonly cacheTtlMs: number }) {
    this.#deps = deps;
    this.#cacheTtlMs = options.cacheTtlMs;
  }

  async embed(scope: WorkspaceScope, text: string, signal: AbortSignal): Promise<Float32Array> {
    const { cache } = this.#deps;
    if (cache === undefined || this.#cacheTtlMs === 0) return this.#compute(scope, text, signal);
    const key = this.#key(text);
    const cached = await cache.get(scope, key).catch(() => undefined);
    const known = cached && toVector(cached, this.#deps.embedder.model.dimensions);
    if (known) return known;
    const vector = await this.#compute(scope, text, signal);
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    await cache.put(scope, key, bytes, this.#cacheTtlMs).catch(() => undefined);
    return vector;
  }

  #compute(scope: WorkspaceScope, text: string, signal: AbortSignal): Promise<Float32Array> {
    const { embedder, chunkIndex } = this.#deps;
    const statistics = (tokenIds: readonly number[]) =>
      chunkIndex.tokenStatistics(scope, embedder.model, tokenIds);
    return embedder.embedQuery(text, statistics, signal);
  }

  #key(text: string): string {
    const { modelId, dimensions } = this.#deps.embedder.model;
    return `query/${createHash('sha256').update(`${modelId}\n${dimensions}\n${text}`).digest('hex')}`;
  }
}

/** A copy, because the bytes of a cache need not be aligned; undefined for bytes of another length. */
function toVector(bytes: Uint8Array, dimensions: number): Float32Array | undefined {
  return bytes.byteLength === dimensions * 4 ? new Float32Array(bytes.slice().buffer) : undefined;
}
