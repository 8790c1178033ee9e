import { RedisCache } from '../../../src/adapters/redis/redis-cache.ts';
import type { RedisConnection } from '../../../src/adapters/redis/redis-connection.ts';
import type { Cache } from '../../../src/domain/ports/chunk-index.ts';
import { describeCache } from '../../contract/suites/cache.ts';
import { TestClock } from '../../support/clock.ts';
import { describeWithRedis, openConnection } from './harness.ts';

/** Of its own, because time passes for everything in it at once. */
const DATABASE = 9;
/** The suite's millisecond is this many of the server's, so that the real time it takes hardly counts. */
const SLOWNESS = 100;

const PASS_TIME = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  redis.call('PEXPIRE', key, math.max(0, redis.call('PTTL', key) - ARGV[1]))
end
`;

/** Lets time pass on the server: takes it from every time to live, in order with the commands of the connection. */
class ServerClock extends TestClock {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    super();
    this.#connection = connection;
  }

  override advance(ms: number): void {
    super.advance(ms);
    void this.#connection.send(['EVAL', PASS_TIME, '0', String(ms * SLOWNESS)]);
  }
}

describeWithRedis('Cache: Redis', () => {
  describeCache('Redis', async () => {
    const connection = await openConnection(DATABASE);
    const stored = new RedisCache(connection);
    const cache: Cache = {
      get: (scope, key) => stored.get(scope, key),
      put: (scope, key, value, ttlMs) => stored.put(scope, key, value, ttlMs * SLOWNESS),
      remove: (scope, prefix) => stored.remove(scope, prefix),
    };
    return { cache, clock: new ServerClock(connection), close: () => connection.close() };
  });
});
