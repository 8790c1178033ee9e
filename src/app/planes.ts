import { randomUUID } from 'node:crypto';
import { Argon2PasswordHasher } from '../adapters/argon2/argon2-password-hasher.ts';
import { HttpUrlFetcher } from '../adapters/http/url-fetcher.ts';
import { Ed25519AccessTokenSigner } from '../adapters/jose/ed25519-access-token-signer.ts';
import { ThreadedDocumentLoader } from '../adapters/loaders/threaded-document-loader.ts';
import { WorkerPool } from '../adapters/worker/worker-pool.ts';
import type { EmbedderCatalog } from '../domain/ports/embedding-deployments.ts';
import type { RateLimit } from '../domain/ports/limits.ts';
import type { Tokenizer } from '../domain/ports/models.ts';
import { type ControlPlane, createControlPlane } from '../planes/control/control-plane.ts';
import { DeploymentService } from '../planes/control/deployment-service.ts';
import { DeploymentWorker } from '../planes/data/deployments/deployment-worker.ts';
import { DocumentService } from '../planes/data/document-service.ts';
import { IngestionWorker } from '../planes/data/ingestion-worker.ts';
import { threadedSplit } from '../planes/data/threaded-splitter.ts';
import { UploadService } from '../planes/data/upload-service.ts';
import { ROUTES_TTL_MS } from '../planes/serving/retrieval/embedding-routes.ts';
import { createServingPlane, SERVING_DEFAULTS, type ServingPlane } from '../planes/serving/serving-plane.ts';
import type { Config } from './config.ts';
import { createEmbedderCatalog } from './embedder-catalog.ts';
import { loadChatModel, loadEmbedders, loadReranker } from './models.ts';
import type { OpenContext } from './open-context.ts';
import type { Stores } from './stores.ts';

const ISSUER = 'multidb-ai';
const AUDIENCE = 'multidb-ai/graphql';
const MINUTE_MS = 60_000;
const DEPLOYMENTS_PER_MINUTE = 30;

const perMinute = (name: string, limit: number): RateLimit => ({ name, limit, windowMs: MINUTE_MS });

export function buildControlPlane(config: Config, stores: Stores): ControlPlane {
  const accessTokenSigner = new Ed25519AccessTokenSigner({
    privateJwk: stores.secrets.accessTokenJwk,
    issuer: ISSUER,
    audience: AUDIENCE,
    clock: stores.clock,
  });
  return createControlPlane(
    { ...stores, accessTokenSigner, passwordHasher: new Argon2PasswordHasher() },
    {
      allowDemoPassword: config.demoAllowed,
      signUpOpen: config.SIGN_UP === 'open',
      accessTokenMs: config.ACCESS_TOKEN_MS,
      refreshTokenMs: config.REFRESH_TOKEN_MS,
      quotaLimitMicros: config.QUOTA_LIMIT_MICROS ?? null,
      loginLimits: {
        perAccount: perMinute('login-account', config.LOGIN_PER_ACCOUNT_PER_MINUTE),
        perAddress: perMinute('login-address', config.LOGIN_PER_ADDRESS_PER_MINUTE),
        signUpPerAddress: perMinute('sign-up-address', config.SIGN_UP_PER_ADDRESS_PER_MINUTE),
        refreshPerAddress: perMinute('refresh-address', config.REFRESH_PER_ADDRESS_PER_MINUTE),
      },
    },
  );
}

export interface DataPlane {
  readonly embedders: EmbedderCatalog;
  readonly tokenizer: Tokenizer;
  readonly services: { readonly documents: DocumentService; readonly uploads: UploadService };
  readonly worker: IngestionWorker;
  readonly deploymentWorker: DeploymentWorker;
}

/** Reads foreign files in processes of their own. */
function openLoader(config: Config, shutdown: OpenContext['shutdown']): ThreadedDocumentLoader {
  const readers = new WorkerPool({
    threadCount: config.WORKER_THREAD_COUNT,
    heapMegabytes: config.LOAD_MEMORY_MAX_MB,
    isolation: 'process',
  });
  shutdown.add('readers of files', () => readers.close());
  return new ThreadedDocumentLoader(readers, {
    timeoutMs: config.LOAD_TIME_MAX_MS,
    limits: {
      textLengthMax: config.LOAD_TEXT_LENGTH_MAX,
      unpackedBytesMax: config.LOAD_UNPACKED_BYTES_MAX,
      pageCountMax: config.LOAD_PAGES_MAX,
    },
  });
}

export async function buildDataPlane({ config, shutdown }: OpenContext, stores: Stores): Promise<DataPlane> {
  const tasks = new WorkerPool({
    threadCount: config.WORKER_THREAD_COUNT,
    heapMegabytes: config.LOAD_MEMORY_MAX_MB,
  });
  shutdown.add('worker threads', () => tasks.close());
  const { embedders: opened, tokenizer } = await loadEmbedders(config, { tasks, clock: stores.clock });
  shutdown.add('embedding models', async () => opened.close());
  const embedders = await createEmbedderCatalog(config, opened);
  const loader = openLoader(config, shutdown);
  const deps = {
    ...stores,
    chunks: stores.chunkIndex,
    embedders,
    loader,
    split: threadedSplit(tasks),
    urlFetcher:
      config.URL_INGESTION === 'on' ? new HttpUrlFetcher({ timeoutMs: config.URL_TIMEOUT_MS }) : undefined,
  };
  const documents = new DocumentService(deps, {
    textBytesMax: config.TEXT_BYTES_MAX,
    urlBytesMax: config.URL_BYTES_MAX,
    ingestRate: perMinute('ingest', config.INGESTIONS_PER_MINUTE),
  });
  const uploads = new UploadService(deps, {
    secret: stores.secrets.uploadSigningKey,
    uploadBytesMax: config.UPLOAD_BYTES_MAX,
    ttlMs: config.UPLOAD_TTL_MS,
    uploadRate: perMinute('upload', config.UPLOADS_PER_MINUTE),
  });
  const worker = new IngestionWorker(deps, {
    concurrencyMax: config.INGESTION_CONCURRENCY_MAX,
    drainTimeoutMs: config.SHUTDOWN_GRACE_MS,
  });
  const deploymentWorker = new DeploymentWorker(deps, { reclaimGraceMs: reclaimGraceMs(config) });
  return { embedders, tokenizer, services: { documents, uploads }, worker, deploymentWorker };
}

/** As long as a search may still go on by what another node took for active. */
function reclaimGraceMs({ EMBEDDING_SOAK_MS, SEARCH_TIMEOUT_MS }: Config): number {
  return Math.min(EMBEDDING_SOAK_MS, ROUTES_TTL_MS + SEARCH_TIMEOUT_MS);
}

export function buildDeployments(
  config: Config,
  stores: Stores,
  { embedders, routes }: { readonly embedders: EmbedderCatalog; readonly routes: ServingPlane['routes'] },
): DeploymentService {
  return new DeploymentService(
    { ...stores, embedders, onChange: (scope) => routes.invalidate(scope) },
    {
      createRate: perMinute('create-deployment', DEPLOYMENTS_PER_MINUTE),
      soakMs: config.EMBEDDING_SOAK_MS,
      reclaimGraceMs: reclaimGraceMs(config),
      gate: {
        queryCountMin: config.EMBEDDING_GATE_QUERIES_MIN,
        recallMin: config.EMBEDDING_GATE_RECALL_MIN,
      },
    },
  );
}

export async function buildServingPlane(
  config: Config,
  stores: Stores,
  data: DataPlane,
): Promise<ServingPlane> {
  const chatModel = await loadChatModel(config, stores);
  const price = {
    inputMicrosPerMillion: config.MODEL_INPUT_MICROS_PER_MILLION,
    outputMicrosPerMillion: config.MODEL_OUTPUT_MICROS_PER_MILLION,
  };
  return createServingPlane(
    {
      ...stores,
      ...{ embedders: data.embedders, embedder: data.embedders.standard.embedder },
      ...{ tokenizer: data.tokenizer, chatModel, reranker: await loadReranker(config) },
    },
    {
      ...SERVING_DEFAULTS,
      nodeId: randomUUID(),
      prices: config.MODEL === undefined ? {} : { [config.MODEL]: price },
      messageRate: perMinute('message', config.MESSAGES_PER_MINUTE),
      searchRate: perMinute('search', config.SEARCHES_PER_MINUTE),
      messageLengthMax: config.MESSAGE_LENGTH_MAX,
      outputTokensMax: config.OUTPUT_TOKENS_MAX,
      historyTokensMax: config.HISTORY_TOKENS_MAX,
      passageCountMax: config.PASSAGE_COUNT_MAX,
      passageTokensMax: config.PASSAGE_TOKENS_MAX,
      textLengthMax: config.ANSWER_LENGTH_MAX,
      runTimeMaxMs: config.RUN_TIME_MAX_MS,
      runConcurrencyMax: config.RUN_CONCURRENCY_MAX,
      runQueueLengthMax: config.RUN_QUEUE_LENGTH_MAX,
      leaseMs: config.RUN_LEASE_MS,
      logTtlMs: config.RUN_LOG_TTL_MS,
      searchTimeoutMs: config.SEARCH_TIMEOUT_MS,
      shadowSharePercent: config.EMBEDDING_SHADOW_PERCENT,
      queryCacheTtlMs: config.QUERY_EMBEDDING_TTL_MS,
    },
  );
}
