import { type DataFolder, openDataFolder } from '../adapters/embedded/folder.ts';
import { FolderBlobStore } from '../adapters/embedded/folder-blob-store.ts';
import type { EmbeddedSecrets } from '../adapters/embedded/secrets.ts';
import { ServingDatabase } from '../adapters/embedded/sqlite/serving-database.ts';
import { SqliteChatLog } from '../adapters/embedded/sqlite/sqlite-chat-log.ts';
import { SqliteChunkIndex } from '../adapters/embedded/sqlite/sqlite-chunk-index.ts';
import { SqliteRunEventLog } from '../adapters/embedded/sqlite/sqlite-run-event-log.ts';
import { MemoryCache } from '../adapters/memory/memory-cache.ts';
import { MemoryRateLimiter } from '../adapters/memory/memory-rate-limiter.ts';
import { MemorySessionCache } from '../adapters/memory/memory-session-cache.ts';
import type { Database } from '../adapters/postgres/database.ts';
import { createPostgresRepositories } from '../adapters/postgres/repositories.ts';
import { SystemClock } from '../adapters/system/clock.ts';
import { UlidGenerator } from '../adapters/system/ids.ts';
import { SystemRandom } from '../adapters/system/random.ts';
import type { BlobStore, Cache, ChunkIndex } from '../domain/ports/chunk-index.ts';
import type { SessionCache } from '../domain/ports/identity.ts';
import type { RateLimiter } from '../domain/ports/limits.ts';
import type { ChatLog, RunEventLog } from '../domain/ports/runs.ts';
import type { Clock, Lifecycle } from '../domain/ports/system.ts';
import { openDatabase } from './database.ts';
import { type ExternalStores, openExternalStores } from './external-stores.ts';
import type { OpenContext } from './open-context.ts';
import type { NamedStore } from './readiness.ts';
import { openSecrets, requireSharedSecrets } from './secrets.ts';
import type { ShutdownStack } from './shutdown.ts';
import { checkExternalStores, requireFit } from './store-checks.ts';

export type Stores = Awaited<ReturnType<typeof openStores>>;

/**
 * Every store a role needs: of each kind the one whose URL is set, else the embedded one. Whatever was opened is on the
 * shutdown stack even if a later one fails.
 */
export async function openStores(context: OpenContext, role: 'serve' | 'work') {
  const { config, log, shutdown } = context;
  requireSharedSecrets(config);
  const folder = await openDataFolder({ path: config.DATA_DIR, role, log });
  shutdown.add('data folder', () => folder.close());
  // Servers of others are changed by `multidb migrate` alone, when their owner says so.
  requireFit(await checkExternalStores(config, log), log);
  const clock = new SystemClock();
  const random = new SystemRandom();
  const secretsLoaded = openSecrets(config, folder, random);
  secretsLoaded.catch(() => {});
  const [database, external] = await Promise.all([
    openDatabase(context, folder.postgresFolder),
    openExternalStores(context, clock),
  ]);
  const system = { clock, random, ids: new UlidGenerator(clock, random), log };
  const relational = createPostgresRepositories(database, system);
  shutdown.add('relational repositories', () => relational.close());
  const secrets: EmbeddedSecrets = await secretsLoaded;
  const { asked, ...ports } = await openPorts(context, { folder, clock, external });
  return {
    ...system,
    ...relational,
    database,
    folder: folder.path,
    secrets,
    ...ports,
    /** Of which readiness asks. */
    askable: [...asked, askableDatabase(database)],
  };
}

interface PortSources {
  readonly folder: DataFolder;
  readonly clock: Clock;
  readonly external: ExternalStores;
}

async function openPorts({ shutdown }: OpenContext, { folder, clock, external }: PortSources) {
  const { mongo, scylla, redis } = external;
  let servingDatabase: ServingDatabase | undefined;
  const serving = (): ServingDatabase => {
    if (servingDatabase === undefined) {
      const opened = new ServingDatabase(folder.servingDatabase);
      shutdown.add('chat log and run events', () => opened.close());
      servingDatabase = opened;
    }
    return servingDatabase;
  };
  const index = mongo ?? openChunkIndex(folder, shutdown);
  const chunkIndex: ChunkIndex = index.chunkIndex;
  const chatLog: ChatLog = scylla?.chatLog ?? new SqliteChatLog(serving());
  const runEventLog: RunEventLog =
    redis?.runEventLog ?? new SqliteRunEventLog({ database: serving(), clock });
  const blobs: BlobStore = mongo?.blobs ?? (await FolderBlobStore.open({ folder: folder.blobFolder, clock }));
  const cache: Cache = redis?.cache ?? new MemoryCache({ clock });
  const rateLimiter: RateLimiter = redis?.rateLimiter ?? new MemoryRateLimiter({ clock });
  const sessionCache: SessionCache = redis?.sessionCache ?? new MemorySessionCache();
  const asked = [
    named(mongo === undefined ? 'chunk index' : 'mongodb', index),
    named('scylladb', scylla),
    named('redis', redis),
    named('serving log', servingDatabase),
  ].filter((store) => store !== undefined);
  return { chunkIndex, chatLog, runEventLog, blobs, cache, rateLimiter, sessionCache, asked };
}

function named(name: string, store: Pick<Lifecycle, 'health'> | undefined): NamedStore | undefined {
  return store && { name, health: (signal) => store.health(signal) };
}

function openChunkIndex(
  folder: DataFolder,
  shutdown: ShutdownStack,
): Pick<Lifecycle, 'health'> & { readonly chunkIndex: ChunkIndex } {
  const chunkIndex = new SqliteChunkIndex(folder.chunkDatabase);
  shutdown.add('chunk index', () => chunkIndex.close());
  return { chunkIndex, health: (signal) => chunkIndex.health(signal) };
}

function askableDatabase(database: Database): NamedStore {
  return {
    name: 'postgresql',
    health: (signal) => database.health(signal),
    gauges: () => database.gauges(),
  };
}
