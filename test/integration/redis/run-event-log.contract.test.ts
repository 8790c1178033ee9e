import { describeRunEventLog } from '../../contract/suites/run-event-log.ts';
import { TestClock } from '../../support/clock.ts';
import { describeWithRedis, openNode } from './harness.ts';

describeWithRedis('RunEventLog: Redis', () => {
  describeRunEventLog('Redis', async () => {
    const node = await openNode();
    return { log: node.runEventLog, clock: new TestClock(), close: node.close };
  });
});
