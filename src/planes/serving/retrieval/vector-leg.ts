import type { ChunkId } from '../../../domain/ids.ts';
import type { ChunkIndex, ChunkSelection, ScoredChunk } from '../../../domain/ports/chunk-index.ts';
import type { EmbedderCatalog } from '../../../domain/ports/embedding-deployments.ts';
import type { Embedder } from '../../../domain/ports/models.ts';
import type { Log } from '../../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { writtenIn } from '../../../domain/text-analyzer.ts';
import type { EmbeddingRoute, EmbeddingRoutes } from './embedding-routes.ts';
import type { QueryEmbeddings } from './query-embedding.ts';
import type { ShadowQueries } from './shadow-queries.ts';

export interface VectorLegDeps {
  readonly chunkIndex: ChunkIndex;
  readonly embedders: EmbedderCatalog;
  readonly routes: EmbeddingRoutes;
  readonly queryEmbeddings: QueryEmbeddings;
  readonly shadows: ShadowQueries;
  readonly log: Log;
}
export interface VectorQuestion {
  readonly text: string;
  readonly selection: ChunkSelection;
  /** Of each model's hits. */
  readonly limit: number;
}
/** What the leg found. Scores of one search compare with each other, whatever models they come from. */
export interface VectorHits {
  readonly hits: readonly ScoredChunk[];
  /** Share of the vectors in the fusion. */
  readonly weight: number;
  /** Scores of chunks that are not among the hits; those that certainly score 0 are left out. */
  score(chunkIds: readonly ChunkId[]): Promise<readonly ScoredChunk[]>;
}

/** One model's part of a search. */
interface ModelHits {
  readonly embedder: Embedder;
  readonly vector: Float32Array;
  readonly collectionIds: ChunkSelection['collectionIds'];
  readonly hits: readonly ScoredChunk[];
  readonly isFull: boolean;
}

/** Searches each collection by the model that it reads from. Vectors of different models never meet. */
export class VectorLeg {
  readonly #deps: VectorLegDeps;

  constructor(deps: VectorLegDeps) {
    this.#deps = deps;
  }

  async search(scope: WorkspaceScope, question: VectorQuestion, signal: AbortSignal): Promise<VectorHits> {
    const { routes, shadows } = this.#deps;
    const routed = await routes.of(scope, question.text, question.selection);
    const parts = await Promise.all(
      routed.routes.map((route) => this.#follow(scope, question, route, signal)),
    );
    shadows.offer(scope, question, routed.candidates);
    const [only] = parts;
    if (only !== undefined && parts.length === 1) {
      return {
        hits: only.hits,
        weight: weightFor(question.text, only.embedder),
        score: async (chunkIds) => (only.isFull ? this.#score(scope, only, chunkIds) : []),
      };
    }
    return {
      hits: parts.flatMap(({ hits }) => hits.map(scaled(hits))),
      weight:
        parts.reduce((sum, { embedder }) => sum + weightFor(question.text, embedder), 0) /
        Math.max(1, parts.length),
      score: (chunkIds) => this.#scoreMixed(scope, parts, chunkIds),
    };
  }

  /** A canary that fails costs its share of the questions nothing but time. */
  async #follow(
    scope: WorkspaceScope,
    question: VectorQuestion,
    { embedder, fallback, collectionIds }: EmbeddingRoute,
    signal: AbortSignal,
  ): Promise<ModelHits> {
    const selection = { ...question.selection, collectionIds };
    try {
      return await this.#searchBy(scope, { ...question, selection }, embedder, signal);
    } catch (error) {
      if (fallback === undefined || signal.aborted) throw error;
      this.#deps.log.warn({ embedder, reason: String(error) }, 'a canary failed; the active model answered');
      return this.#searchBy(scope, { ...question, selection }, fallback, signal);
    }
  }

  async #searchBy(
    scope: WorkspaceScope,
    { text, selection, limit }: VectorQuestion,
    name: string,
    signal: AbortSignal,
  ): Promise<ModelHits> {
    const { chunkIndex, embedders, queryEmbeddings } = this.#deps;
    const embedder = await embedders.get(name);
    const vector = await queryEmbeddings.of(name, embedder).embed(scope, text, signal);
    // A text without a known token has no direction: every score would be 0.
    const isEmpty = vector.every((value) => value === 0);
    const hits = isEmpty
      ? []
      : await chunkIndex.searchVector(scope, embedder.model, vector, selection, limit);
    return { embedder, vector, hits, collectionIds: selection.collectionIds, isFull: hits.length >= limit };
  }

  #score(
    scope: WorkspaceScope,
    part: ModelHits,
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    if (chunkIds.length === 0) return Promise.resolve([]);
    return this.#deps.chunkIndex.scoreVector(scope, part.embedder.model, part.vector, chunkIds);
  }

  /** A chunk may have vectors of several models: it is scored by that of its collection. */
  async #scoreMixed(
    scope: WorkspaceScope,
    parts: readonly ModelHits[],
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    const full = parts.filter(({ isFull }) => isFull);
    if (full.length === 0 || chunkIds.length === 0) return [];
    const chunks = await this.#deps.chunkIndex.get(scope, chunkIds);
    const scores = full.map(async (part) => {
      const own = chunks.filter(({ collectionId }) => part.collectionIds?.includes(collectionId));
      const scored = await this.#score(
        scope,
        part,
        own.map(({ id }) => id),
      );
      return scored.map(scaled(part.hits));
    });
    return (await Promise.all(scores)).flat();
  }
}

function weightFor(text: string, { vectorWeight, foreignVectorWeight = vectorWeight }: Embedder): number {
  return writtenIn(text) === 'english' ? vectorWeight : foreignVectorWeight;
}

/** Between the worst and the best hit of its own model: the scales of two models have nothing in common. */
function scaled(hits: readonly ScoredChunk[]): (one: ScoredChunk) => ScoredChunk {
  const scores = hits.map(({ score }) => score);
  const low = Math.min(...scores);
  const range = Math.max(...scores) - low;
  return ({ chunkId, score }) => ({
    chunkId,
    score: range === 0 ? 1 : Math.max(0, (score - low) / range),
  });
}
