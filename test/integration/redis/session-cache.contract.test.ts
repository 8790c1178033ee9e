import { describeSessionCache } from '../../contract/suites/session-cache.ts';
import { describeWithRedis, openNode } from './harness.ts';

describeWithRedis('SessionCache: Redis', () => {
  describeSessionCache('Redis', async () => {
    const node = await openNode();
    return { cache: node.sessionCache, close: node.close };
  });
});
