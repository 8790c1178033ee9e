import { RedisRateLimiter } from '../../../src/adapters/redis/redis-rate-limiter.ts';
import { describeRateLimiter } from '../../contract/suites/rate-limiter.ts';
import { TestClock } from '../../support/clock.ts';
import { describeWithRedis, openConnection } from './harness.ts';

describeWithRedis('RateLimiter: Redis', () => {
  describeRateLimiter('Redis', async () => {
    const connection = await openConnection();
    const clock = new TestClock();
    const limiter = new RedisRateLimiter({ connection, clock, now: () => clock.now() });
    return { limiter, clock, close: () => connection.close() };
  });
});
