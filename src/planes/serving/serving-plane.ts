import type { Cache, ChunkIndex } from '../../domain/ports/chunk-index.ts';
import type { DocumentRepository } from '../../domain/ports/documents.ts';
import type {
  EmbedderCatalog,
  EmbeddingDeploymentRepository,
} from '../../domain/ports/embedding-deployments.ts';
import type { CollectionRepository } from '../../domain/ports/identity.ts';
import type { RateLimit, RateLimiter } from '../../domain/ports/limits.ts';
import type { ChatModel, Embedder, Tokenizer } from '../../domain/ports/models.ts';
import type { Reranker } from '../../domain/ports/reranker.ts';
import type { ChatLog, ConversationRepository, RunEventLog, RunRepository } from '../../domain/ports/runs.ts';
import type { Clock, IdGenerator, Log } from '../../domain/ports/system.ts';
import type { ModelPrice } from '../../domain/usage.ts';
import type { ConversationApi, RunApi, SearchApi } from '../services.ts';
import { Agent } from './agent/agent.ts';
import type { Answerer } from './agent/answerer.ts';
import { ExtractiveAnswerer } from './agent/extractive-answerer.ts';
import { ModelAnswerer } from './agent/model-answerer.ts';
import { ConversationService } from './conversation-service.ts';
import { EmbeddingRoutes } from './retrieval/embedding-routes.ts';
import { type QueryEmbedding, QueryEmbeddings } from './retrieval/query-embedding.ts';
import { Retriever } from './retrieval/retriever.ts';
import { SearchService } from './retrieval/search-service.ts';
import { ShadowQueries } from './retrieval/shadow-queries.ts';
import { VectorLeg } from './retrieval/vector-leg.ts';
import { RunExecutor } from './run/run-executor.ts';
import { RunService } from './run/run-service.ts';

const FREE: ModelPrice = { inputMicrosPerMillion: 0, outputMicrosPerMillion: 0 };

export interface ServingPlaneDeps {
  readonly runs: RunRepository;
  readonly conversations: ConversationRepository;
  readonly chatLog: ChatLog;
  readonly runEventLog: RunEventLog;
  readonly chunkIndex: ChunkIndex;
  readonly documents: Pick<DocumentRepository, 'findMany'>;
  readonly collections: Pick<CollectionRepository, 'find' | 'list'>;
  readonly deployments: Pick<EmbeddingDeploymentRepository, 'listLive' | 'addShadow'>;
  readonly embedders: EmbedderCatalog;
  readonly rateLimiter: RateLimiter;
  readonly embedder: Embedder;
  readonly tokenizer: Tokenizer;
  /** undefined: answers are extracted from the passages. */
  readonly chatModel: ChatModel | undefined;
  /** undefined: fused order is final, unless a search asks for diversity. */
  readonly reranker?: Reranker | undefined;
  readonly cache: Cache;
  readonly ids: IdGenerator;
  readonly clock: Clock;
  readonly log: Log;
}
export interface ServingPlaneOptions {
  /** This process in the leases it holds; never the same for two. */
  readonly nodeId: string;
  /** By model id; a model without a price is free. */
  readonly prices: Readonly<Record<string, ModelPrice>>;
  readonly messageRate: RateLimit;
  readonly searchRate: RateLimit;
  readonly messageLengthMax: number;
  readonly outputTokensMax: number;
  readonly historyTokensMax: number;
  readonly passageCountMax: number;
  readonly passageTokensMax: number;
  /** Of a whole answer, in UTF-16 units. */
  readonly textLengthMax: number;
  readonly runTimeMaxMs: number;
  readonly runConcurrencyMax: number;
  readonly runQueueLengthMax: number;
  readonly leaseMs: number;
  readonly recoveryIntervalMs: number;
  /** How long the live log keeps a finished run. */
  readonly logTtlMs: number;
  readonly searchTimeoutMs: number;
  /** Share of the live searches that is repeated on a candidate embedding deployment. */
  readonly shadowSharePercent: number;
  /** Of embedders that are asked over a network; 0: their vectors of questions are not kept. */
  readonly queryCacheTtlMs: number;
}
/** What a composition root need not decide. */
export const SERVING_DEFAULTS = {
  messageLengthMax: 32_000,
  outputTokensMax: 2_048,
  historyTokensMax: 1_500,
  passageCountMax: 6,
  passageTokensMax: 4_000,
  textLengthMax: 64_000,
  runTimeMaxMs: 10 * 60_000,
  runConcurrencyMax: 256,
  runQueueLengthMax: 4_096,
  leaseMs: 15_000,
  recoveryIntervalMs: 1_000,
  logTtlMs: 60 * 60_000,
  searchTimeoutMs: 15_000,
  shadowSharePercent: 20,
  queryCacheTtlMs: 0,
} as const satisfies Partial<ServingPlaneOptions>;

export interface ServingPlane {
  readonly search: SearchApi;
  readonly conversations: ConversationApi;
  readonly runs: RunApi;
  /** `start` begins heartbeats and recovery; `drain` before the stores are closed. */
  readonly executor: RunExecutor;
  /** By which model collections are searched. */
  readonly routes: EmbeddingRoutes;
}

/** Wires the plane from its ports. Starts nothing. */
export function createServingPlane(deps: ServingPlaneDeps, options: ServingPlaneOptions): ServingPlane {
  const queryEmbeddings = new QueryEmbeddings(deps, { cacheTtlMs: options.queryCacheTtlMs });
  const { standard } = deps.embedders;
  const queryEmbedding = queryEmbeddings.of(standard.name, standard.embedder);
  const routes = new EmbeddingRoutes(deps);
  const vectorLeg = new VectorLeg({
    ...{ ...deps, routes, queryEmbeddings },
    shadows: new ShadowQueries(deps, { sharePercent: options.shadowSharePercent }),
  });
  const retriever = new Retriever({ ...deps, vectorLeg });
  const answerer = createAnswerer(deps, options, queryEmbedding);
  const agent = new Agent({ ...deps, retriever, answerer }, options);
  const price = options.prices[answerer.modelId] ?? FREE;
  const executor = new RunExecutor(
    { ...deps, agent },
    {
      ...options,
      price,
      exactUsage: deps.chatModel === undefined,
      concurrencyMax: options.runConcurrencyMax,
      queueLengthMax: options.runQueueLengthMax,
    },
  );
  return {
    search: new SearchService({ ...deps, retriever }, options),
    conversations: new ConversationService(deps),
    runs: new RunService({ ...deps, executor, answerer }, { ...options, price }),
    executor,
    routes,
  };
}

function createAnswerer(
  deps: ServingPlaneDeps,
  options: ServingPlaneOptions,
  queryEmbedding: QueryEmbedding,
): Answerer {
  if (deps.chatModel === undefined) return new ExtractiveAnswerer({ ...deps, queryEmbedding }, options);
  return new ModelAnswerer({ ...deps, model: deps.chatModel }, options);
}
