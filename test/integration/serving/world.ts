import { createHash } from 'node:crypto';
import { StaticEmbedder } from '../../../src/adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../../../src/adapters/builtin/static-model.ts';
import { MemoryCache } from '../../../src/adapters/memory/memory-cache.ts';
import { MemoryChatLog } from '../../../src/adapters/memory/memory-chat-log.ts';
import { MemoryChunkIndex } from '../../../src/adapters/memory/memory-chunk-index.ts';
import { MemoryCollectionRepository } from '../../../src/adapters/memory/memory-collection-repository.ts';
import { MemoryConversationRepository } from '../../../src/adapters/memory/memory-conversation-repository.ts';
import { MemoryDatabase } from '../../../src/adapters/memory/memory-database.ts';
import { MemoryDocumentRepository } from '../../../src/adapters/memory/memory-document-repository.ts';
import { MemoryEmbeddingDeploymentRepository } from '../../../src/adapters/memory/memory-embedding-deployment-repository.ts';
import { MemoryRateLimiter } from '../../../src/adapters/memory/memory-rate-limiter.ts';
import { MemoryRunEventLog } from '../../../src/adapters/memory/memory-run-event-log.ts';
import { MemoryRunRepository } from '../../../src/adapters/memory/memory-run-repository.ts';
import { MemoryUsageLedger } from '../../../src/adapters/memory/memory-usage-ledger.ts';
import { MemoryUserRepository } from '../../../src/adapters/memory/memory-user-repository.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { UlidGenerator } from '../../../src/adapters/system/ids.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { SystemRandom } from '../../../src/adapters/system/random.ts';
import { indexedText } from '../../../src/domain/document.ts';
import type { CollectionId, DocumentId, UserId, WorkspaceId } from '../../../src/domain/ids.ts';
import type { Clock } from '../../../src/domain/ports/system.ts';
import type { UserPrincipal } from '../../../src/domain/principal.ts';
import type { RunEvent } from '../../../src/domain/run.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import type { Feed } from '../../../src/planes/services.ts';
import {
  createServingPlane,
  SERVING_DEFAULTS,
  type ServingPlane,
  type ServingPlaneDeps,
  type ServingPlaneOptions,
} from '../../../src/planes/serving/serving-plane.ts';
import { TestEmbedders } from '../../support/embedders.ts';

export const clock = new SystemClock();
export const ids = new UlidGenerator(clock, new SystemRandom());
const staticModel = loadStaticModel();

/** Everything a serving plane needs, on memory adapters; several planes (nodes) may share one world. */
export interface World
  extends Omit<ServingPlaneDeps, 'documents' | 'collections' | 'chunkIndex' | 'deployments' | 'embedders'> {
  readonly database: MemoryDatabase;
  readonly documents: MemoryDocumentRepository;
  readonly collections: MemoryCollectionRepository;
  readonly chunkIndex: MemoryChunkIndex;
  readonly ledger: MemoryUsageLedger;
  readonly deployments: MemoryEmbeddingDeploymentRepository;
  readonly embedder: StaticEmbedder;
  readonly embedders: TestEmbedders;
}

export async function createWorld(worldClock: Clock = clock): Promise<World> {
  const embedder = new StaticEmbedder(await staticModel);
  const database = new MemoryDatabase();
  return {
    database,
    runs: new MemoryRunRepository(database),
    conversations: new MemoryConversationRepository(database),
    documents: new MemoryDocumentRepository(database),
    collections: new MemoryCollectionRepository(database),
    ledger: new MemoryUsageLedger(database),
    chatLog: new MemoryChatLog(),
    runEventLog: new MemoryRunEventLog(worldClock),
    chunkIndex: new MemoryChunkIndex(),
    rateLimiter: new MemoryRateLimiter({ clock: worldClock }),
    cache: new MemoryCache({ clock: worldClock }),
    deployments: new MemoryEmbeddingDeploymentRepository(database),
    embedder,
    embedders: new TestEmbedders(embedder),
    tokenizer: embedder.tokenizer,
    chatModel: undefined,
    ids,
    clock: worldClock,
    log: noopLog,
  };
}

export function createNode(
  world: World,
  deps: Partial<ServingPlaneDeps> = {},
  options: Partial<ServingPlaneOptions> = {},
): ServingPlane {
  return createServingPlane(
    { ...world, ...deps },
    {
      ...SERVING_DEFAULTS,
      nodeId: `node-${ids.next('ses')}`,
      prices: {},
      messageRate: { name: 'messages', limit: 10_000, windowMs: 60_000 },
      searchRate: { name: 'searches', limit: 10_000, windowMs: 60_000 },
      ...options,
    },
  );
}

/** A user with a workspace of their own. */
export async function createUser(
  world: World,
  quotaLimitMicros: number | null = null,
): Promise<UserPrincipal> {
  const userId: UserId = world.ids.next('usr');
  const workspaceId: WorkspaceId = world.ids.next('wsp');
  const defaultCollectionId: CollectionId = world.ids.next('col');
  const users = new MemoryUserRepository(world.database, world.clock);
  await users.createWithWorkspace(
    SYSTEM_SCOPE,
    { id: userId, email: `${userId}@example.com`, passwordHash: 'x', defaultWorkspaceId: workspaceId },
    { id: workspaceId, name: 'test', defaultCollectionId, ownerId: userId, quotaLimitMicros },
  );
  return {
    kind: 'user',
    userId,
    workspaceId,
    role: 'OWNER',
    sessionId: world.ids.next('ses'),
    expiresAt: world.clock.now() + 900_000,
  };
}

/** Indexes a text as one published document; blocks between blank lines become chunks, `#` lines their heading. */
export async function addDocument(
  world: World,
  principal: UserPrincipal,
  input: {
    readonly title: string;
    readonly text: string;
    readonly metadata?: Record<string, string | number>;
    readonly unpublished?: true;
  },
): Promise<DocumentId> {
  const scope = { workspaceId: principal.workspaceId };
  const [collection] = await world.collections.list(scope);
  if (!collection) throw new Error('no collection');
  const documentId = world.ids.next('doc');
  const hash = createHash('sha256').update(input.text).digest('hex');
  await world.documents.submit(scope, {
    documentId,
    collectionId: collection.id,
    externalId: null,
    title: input.title,
    mediaType: 'text/markdown',
    fileName: null,
    metadata: input.metadata ?? {},
    contentHash: hash,
    byteLength: input.text.length,
    blobKey: 'blob',
    createdBy: principal.userId,
    now: world.clock.now(),
  });
  const chunks = split(input.text).map((part, ordinal) => {
    const indexed = indexedText(part.headingPath, part.text);
    return {
      id: world.ids.next('chk'),
      documentId,
      documentVersion: 1,
      collectionId: collection.id,
      ordinal,
      ...part,
      page: null,
      metadata: input.metadata ?? {},
      contentHash: createHash('sha256').update(indexed).digest('hex'),
      vector: world.embedder.embed(indexed),
      tokenIds: world.embedder.tokenIds(indexed),
    };
  });
  await world.chunkIndex.upsert(scope, world.embedder.model, chunks);
  await world.chunkIndex.publish(scope, documentId, 1);
  if (input.unpublished) return documentId;
  await world.documents.publish(scope, documentId, {
    version: 1,
    chunkCount: chunks.length,
    now: world.clock.now(),
  });
  return documentId;
}

function split(text: string) {
  const parts: { text: string; start: number; end: number; headingPath: string[] }[] = [];
  let headingPath: string[] = [];
  for (const match of text.matchAll(/(?:(?!\n\n)[\s\S])+/g)) {
    const block = match[0].replace(/^\n+/, '');
    const start = match.index + match[0].length - block.length;
    const heading = /^#+\s+(.*)$/.exec(block);
    if (heading?.[1]) headingPath = [heading[1]];
    else parts.push({ text: block, start, end: start + block.length, headingPath });
  }
  return parts;
}

export async function readAll(feed: Feed<RunEvent>): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for (let batch = await feed.next(); batch; batch = await feed.next()) events.push(...batch);
  return events;
}
