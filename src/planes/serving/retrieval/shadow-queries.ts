import { NO_SHADOW, type ShadowTotals } from '../../../domain/embedding-deployment.ts';
import type { ChunkIndex, ChunkSelection } from '../../../domain/ports/chunk-index.ts';
import type {
  EmbedderCatalog,
  EmbeddingDeploymentRepository,
} from '../../../domain/ports/embedding-deployments.ts';
import type { Clock, Log } from '../../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import type { ShadowedCandidate } from './embedding-routes.ts';
import { ndcg, recall } from './ranking-quality.ts';

export interface ShadowQueriesDeps {
  readonly chunkIndex: ChunkIndex;
  readonly deployments: Pick<EmbeddingDeploymentRepository, 'addShadow'>;
  readonly embedders: EmbedderCatalog;
  readonly clock: Clock;
  readonly log: Log;
}
export interface ShadowQueriesOptions {
  /** Of the live searches, in percent. */
  readonly sharePercent: number;
}

interface ShadowQuery extends ShadowedCandidate {
  readonly scope: WorkspaceScope;
  readonly text: string;
  readonly selection: ChunkSelection;
}

/** More than this, and the sample is smaller than it was asked for: live searches never wait for it. */
const WAITING_MAX = 64;
const RANK_COUNT = 10;
const TIMEOUT_MS = 10_000;

/**
 * Repeats a share of the live questions on candidates, one at a time and after the answer is on its way, and counts how
 * far the candidate's ten best agree with the active model's. Both are asked here, side by side, so that their times
 * compare; the vector leg alone, because words would hide a model that finds nothing.
 */
export class ShadowQueries {
  readonly #deps: ShadowQueriesDeps;
  readonly #options: ShadowQueriesOptions;
  readonly #waiting: ShadowQuery[] = [];
  #share = 0;
  #running: Promise<void> | undefined;

  constructor(deps: ShadowQueriesDeps, options: ShadowQueriesOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Returns at once. */
  offer(
    scope: WorkspaceScope,
    question: Pick<ShadowQuery, 'text' | 'selection'>,
    candidates: readonly ShadowedCandidate[],
  ): void {
    for (const candidate of candidates) {
      this.#share += this.#options.sharePercent;
      if (this.#share < 100) continue;
      this.#share -= 100;
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push({ scope, ...question, ...candidate });
    }
    if (this.#waiting.length === 0) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing waits. */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    for (let query = this.#waiting.shift(); query !== undefined; query = this.#waiting.shift()) {
      const { scope, deployment } = query;
      try {
        const totals = await this.#measure(query);
        if (totals !== undefined) await this.#deps.deployments.addShadow(scope, deployment.id, totals);
      } catch (error) {
        this.#deps.log.warn(
          { deploymentId: deployment.id, reason: String(error) },
          'a shadow query was not counted',
        );
      }
    }
  }

  /** undefined: the active model finds nothing there, which says nothing about the candidate. */
  async #measure(query: ShadowQuery): Promise<ShadowTotals | undefined> {
    const active = await this.#rank(query, query.active);
    if (active.ids.length === 0) return undefined;
    try {
      const candidate = await this.#rank(query, query.deployment.embedder);
      const { ids } = candidate;
      return {
        ...{ queryCount: 1, failureCount: 0, activeMs: active.durationMs, candidateMs: candidate.durationMs },
        ...{ recallSum: recall(active.ids, ids), ndcgSum: ndcg(active.ids, ids) },
      };
    } catch {
      return { ...NO_SHADOW, failureCount: 1 };
    }
  }

  async #rank({ scope, text, selection, deployment }: ShadowQuery, name: string) {
    const { chunkIndex, embedders, clock } = this.#deps;
    const embedder = await embedders.get(name);
    const startedAt = clock.now();
    const statistics = (tokenIds: readonly number[]) =>
      chunkIndex.tokenStatistics(scope, embedder.model, tokenIds);
    const vector = await embedder.embedQuery(text, statistics, AbortSignal.timeout(TIMEOUT_MS));
    const within = { ...selection, collectionIds: [deployment.collectionId] };
    const isEmpty = vector.every((value) => value === 0);
    const hits = isEmpty
      ? []
      : await chunkIndex.searchVector(scope, embedder.model, vector, within, RANK_COUNT);
    return { ids: hits.map(({ chunkId }) => chunkId), durationMs: clock.now() - startedAt };
  }
}
