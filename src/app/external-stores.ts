import type { MongoStores } from '../adapters/mongodb/open-mongo-stores.ts';
import type { RedisStores } from '../adapters/redis/open-redis.ts';
import type { ScyllaStores } from '../adapters/scylla/open-scylla-stores.ts';
import type { Clock } from '../domain/ports/system.ts';
import type { OpenContext } from './open-context.ts';

/** Those whose URL is set. Each driver is loaded only then: together they would double a cold start. */
export interface ExternalStores {
  readonly mongo: MongoStores | undefined;
  readonly scylla: ScyllaStores | undefined;
  readonly redis: RedisStores | undefined;
}

/** Opened side by side; each is on the shutdown stack as soon as it is open. */
export async function openExternalStores(context: OpenContext, clock: Clock): Promise<ExternalStores> {
  const [mongo, scylla, redis] = await Promise.all([
    openMongo(context, clock),
    openScylla(context, clock),
    openRedis(context, clock),
  ]);
  return { mongo, scylla, redis };
}

async function openMongo({ config, log, shutdown }: OpenContext, clock: Clock) {
  if (config.MONGODB_URL === undefined) return undefined;
  const { openMongoStores } = await import('../adapters/mongodb/open-mongo-stores.ts');
  const stores = await openMongoStores({ url: config.MONGODB_URL, log, clock });
  shutdown.add('MongoDB', () => stores.close());
  return stores;
}

async function openScylla({ config, log, shutdown }: OpenContext, clock: Clock) {
  if (config.SCYLLA_URL === undefined) return undefined;
  const { openScyllaStores } = await import('../adapters/scylla/open-scylla-stores.ts');
  const stores = openScyllaStores({ url: config.SCYLLA_URL, log, clock });
  shutdown.add('ScyllaDB', () => stores.close());
  await stores.health(AbortSignal.timeout(config.STORE_OPEN_TIMEOUT_MS));
  return stores;
}

async function openRedis({ config, log, shutdown }: OpenContext, clock: Clock) {
  if (config.REDIS_URL === undefined) return undefined;
  const { openRedis: open } = await import('../adapters/redis/open-redis.ts');
  const stores = await open({ url: config.REDIS_URL, log, clock });
  shutdown.add('Redis', () => stores.close());
  return stores;
}
