/** The data plane on memory adapters, with a small embedder that counts what it is asked. */
import { run as load } from '../../src/adapters/loaders/load-task.ts';
import { MemoryBlobStore } from '../../src/adapters/memory/memory-blob-store.ts';
import { MemoryChunkIndex } from '../../src/adapters/memory/memory-chunk-index.ts';
import { MemoryCollectionRepository } from '../../src/adapters/memory/memory-collection-repository.ts';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { MemoryDocumentProgressLog } from '../../src/adapters/memory/memory-document-progress-log.ts';
import { MemoryDocumentRepository } from '../../src/adapters/memory/memory-document-repository.ts';
import { MemoryEmbeddingDeploymentRepository } from '../../src/adapters/memory/memory-embedding-deployment-repository.ts';
import { MemoryJobQueue } from '../../src/adapters/memory/memory-job-queue.ts';
import { MemoryRateLimiter } from '../../src/adapters/memory/memory-rate-limiter.ts';
import { MemoryUploadRepository } from '../../src/adapters/memory/memory-upload-repository.ts';
import { MemoryUserRepository } from '../../src/adapters/memory/memory-user-repository.ts';
import { MemoryWorkspaceRepository } from '../../src/adapters/memory/memory-workspace-repository.ts';
import { UlidGenerator } from '../../src/adapters/system/ids.ts';
import { noopLog } from '../../src/adapters/system/log.ts';
import type { DocumentProgress } from '../../src/domain/document.ts';
import type { DocumentId } from '../../src/domain/ids.ts';
import { isSupportedMediaType } from '../../src/domain/media-type.ts';
import type { DocumentLoader } from '../../src/domain/ports/documents.ts';
import type { Embedder } from '../../src/domain/ports/models.ts';
import type { Role, UserPrincipal } from '../../src/domain/principal.ts';
import { SYSTEM_SCOPE, type WorkspaceScope } from '../../src/domain/scope.ts';
import {
  createDataPlane,
  type DataPlaneDeps,
  type DataPlaneOptions,
} from '../../src/planes/data/data-plane.ts';
import { splitText } from '../../src/planes/data/splitter.ts';
import type { Feed, IngestCommand } from '../../src/planes/services.ts';
import { TestClock } from './clock.ts';
import { TestEmbedders } from './embedders.ts';
import { SeededRandom } from './random.ts';

const DIMENSIONS = 32;
export const UPLOAD_SECRET = Buffer.from('a secret of the tests');

/** Bags of letters: enough to find a text by itself. */
export class CountingEmbedder implements Embedder {
  readonly model = { modelId: 'letters', dimensions: DIMENSIONS };
  readonly tokenCountMax = Number.POSITIVE_INFINITY;
  readonly vectorWeight = 0.5;
  readonly embedded: string[] = [];
  /** Called before each batch; may throw, or wait. */
  before: (signal: AbortSignal) => void | Promise<void> = () => undefined;

  async embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    await this.before(signal);
    this.embedded.push(...texts);
    return texts.map(letters);
  }

  async embedQuery(text: string): Promise<Float32Array> {
    return letters(text);
  }

  async tokenIdsOf(texts: readonly string[]): Promise<readonly Uint32Array[]> {
    return texts.map((text) => Uint32Array.from(new Set(text), (character) => character.charCodeAt(0)));
  }
}

function letters(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  for (let index = 0; index < text.length; index += 1) {
    const place = text.charCodeAt(index) % DIMENSIONS;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** Parses on the test's own thread. */
export const inlineLoader: DocumentLoader = {
  supports: isSupportedMediaType,
  load: (request) =>
    load({
      ...request,
      limits: { textLengthMax: 1_000_000, unpackedBytesMax: 10_000_000, pageCountMax: 100 },
    }),
};

export interface Tenant {
  readonly scope: WorkspaceScope;
  readonly owner: UserPrincipal;
  principal(role: Role): UserPrincipal;
}

export type DataPlaneHarness = Awaited<ReturnType<typeof openDataPlane>>;

export async function openDataPlane(
  overrides: Partial<DataPlaneDeps> = {},
  options: Partial<DataPlaneOptions> = {},
  wrap: (deps: DataPlaneDeps) => DataPlaneDeps = (deps) => deps,
) {
  const clock = new TestClock();
  const ids = new UlidGenerator(clock, new SeededRandom(1));
  const database = new MemoryDatabase();
  const users = new MemoryUserRepository(database, clock);
  const embedder = new CountingEmbedder();
  const jobs = new MemoryJobQueue(database, clock);
  const plain: DataPlaneDeps = {
    documents: new MemoryDocumentRepository(database),
    progress: new MemoryDocumentProgressLog(database),
    uploads: new MemoryUploadRepository(database),
    workspaces: new MemoryWorkspaceRepository(database, clock),
    collections: new MemoryCollectionRepository(database),
    rateLimiter: new MemoryRateLimiter({ clock }),
    blobs: new MemoryBlobStore(),
    chunks: new MemoryChunkIndex(),
    loader: inlineLoader,
    split: async (loaded) => splitText(loaded),
    log: noopLog,
    deployments: new MemoryEmbeddingDeploymentRepository(database),
    embedders: new TestEmbedders(embedder),
    ...{ jobs, clock, ids },
    ...overrides,
  };
  const planeOptions = { uploadSecret: UPLOAD_SECRET, ...options };
  const plane = createDataPlane(wrap(plain), planeOptions);

  async function tenant(): Promise<Tenant> {
    const [userId, workspaceId] = [ids.next('usr'), ids.next('wsp')];
    const email = `${userId}@example.com`;
    await users.createWithWorkspace(
      SYSTEM_SCOPE,
      { id: userId, email, passwordHash: '', defaultWorkspaceId: workspaceId },
      {
        id: workspaceId,
        name: 'w',
        defaultCollectionId: ids.next('col'),
        ownerId: userId,
        quotaLimitMicros: null,
      },
    );
    const principal = (role: Role): UserPrincipal => ({
      ...{ kind: 'user', userId, workspaceId, role, sessionId: ids.next('ses') },
      expiresAt: Number.MAX_SAFE_INTEGER,
    });
    return { scope: { workspaceId }, owner: principal('OWNER'), principal };
  }

  /** Lets jobs run, the clock a thousand times as fast as real time, until none is left. */
  async function settle(): Promise<void> {
    for (let round = 0; round < 10_000; round += 1) {
      const { queued, active } = await jobs.counts(SYSTEM_SCOPE);
      if (queued + active === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
      clock.advance(1_000);
    }
    throw new Error('the jobs do not come to an end');
  }

  return { ...plane, deps: plain, clock, ids, database, embedder, jobs, tenant, settle, planeOptions };
}

export const textCommand = (content: string, more: Partial<IngestCommand> = {}): IngestCommand => ({
  source: { kind: 'text', content, mediaType: 'text/markdown' },
  ...more,
});

/** Everything a feed has to say. */
export async function drain(feed: Feed<DocumentProgress>): Promise<DocumentProgress[]> {
  const events: DocumentProgress[] = [];
  for (let batch = await feed.next(); batch !== undefined; batch = await feed.next()) events.push(...batch);
  return events;
}

/** What the index and the blob store still hold of a document. */
export async function leftovers(harness: DataPlaneHarness, scope: WorkspaceScope, documentId: DocumentId) {
  const { chunks, blobs } = harness.deps;
  const found: string[] = [];
  for (let version = 1; version <= 3; version += 1) {
    for (const chunk of await chunks.listVersion(scope, documentId, version)) found.push(chunk.id);
    for (const name of ['original', 'text', 'structure']) {
      const key = `documents/${documentId}/${version}/${name}`;
      if ((await blobs.get(scope, key)) !== undefined) found.push(key);
    }
  }
  if ((await blobs.get(scope, `staging/${documentId}`)) !== undefined) found.push('staging');
  return found;
}
