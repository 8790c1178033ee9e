import { describe, expect, it, onTestFinished } from 'vitest';
import { openRedis, type RedisStores } from '../../../src/adapters/redis/open-redis.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import type { RunEvent } from '../../../src/domain/run.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { deltas, ids, newScope, numbered } from '../../support/fixtures.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { clock, openNode, server } from './harness.ts';

const COMMAND_TIMEOUT_MS = 300;
const PATIENT = { timeout: 20_000, interval: 50 };
const away = { code: expect.stringMatching(/^(STORE_UNAVAILABLE|DEADLINE_EXCEEDED)$/), retryable: true };
const LIMIT = { name: 'test', limit: 3, windowMs: 3_600_000 };

describe.skipIf(server.url === undefined)(server.nameOf('an outage of Redis'), () => {
  async function behindProxy(): Promise<{ stores: RedisStores; proxy: TcpProxy }> {
    const url = new URL(server.url ?? '');
    const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${proxy.port}`;
    const options = { url: url.href, clock, log: noopLog, commandTimeoutMs: COMMAND_TIMEOUT_MS };
    const stores = await openRedis(options);
    onTestFinished(async () => {
      await stores.close();
      await proxy.close();
    });
    return { stores, proxy };
  }
  const health = (stores: RedisStores) => stores.health(AbortSignal.timeout(5_000));
  const untilHealthy = (stores: RedisStores) =>
    expect
      .poll(
        () =>
          health(stores).then(
            () => 'healthy',
            () => 'away',
          ),
        PATIENT,
      )
      .toBe('healthy');

  for (const [how, begin] of [
    ['connections are reset and refused', (proxy: TcpProxy) => proxy.begin('refused')],
    ['the server falls silent', async (proxy: TcpProxy) => proxy.begin('silent')],
  ] as const) {
    describe(`in which ${how}`, () => {
      it('ends every call of the log with a typed error, and is over by itself', async () => {
        const { stores, proxy } = await behindProxy();
        const scope = newScope();
        const runId = ids.next('run');
        const append = (firstSequence: number, text: string) =>
          stores.runEventLog.append(scope, { runId, generation: 1, firstSequence, events: deltas(text) });
        await append(0, 'a');
        await begin(proxy);
        const calls = [
          append(1, 'b'),
          stores.runEventLog.read(scope, runId, -1, 10),
          stores.runEventLog.fence(scope, runId, 1),
          stores.runEventLog.subscribe(scope, runId, () => {}),
          stores.runEventLog.retire(scope, ids.next('run'), 1_000),
          stores.cache.get(scope, 'key'),
          stores.sessionCache.invalidate(SYSTEM_SCOPE, { userId: ids.next('usr') }),
          health(stores),
        ];
        for (const call of await Promise.allSettled(calls)) {
          expect(call).toMatchObject({ status: 'rejected', reason: away });
        }
        await proxy.heal();
        await untilHealthy(stores);
        // Whether the first attempt had its effect or not.
        await append(1, 'b');
        expect(await stores.runEventLog.read(scope, runId, -1, 10)).toEqual(numbered(deltas('a', 'b')));
      });

      it('leaves limits to each node, and sessions to the repositories', async () => {
        const { stores, proxy } = await behindProxy();
        const subject = ids.next('usr');
        const sessionId = ids.next('ses');
        const state = { userId: subject, ...newScope(), role: 'EDITOR', revoked: false } as const;
        await stores.sessionCache.put(SYSTEM_SCOPE, sessionId, state);
        await begin(proxy);
        const decisions = [];
        for (let index = 0; index < 5; index += 1)
          decisions.push(await stores.rateLimiter.take(LIMIT, subject));
        expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, false, false]);
        expect(await stores.sessionCache.find(SYSTEM_SCOPE, sessionId)).toBeUndefined();
        await stores.sessionCache.put(SYSTEM_SCOPE, sessionId, state);
        await proxy.heal();
        await untilHealthy(stores);
        // One that Redis may have counted before its answer got lost.
        const { remaining } = await stores.rateLimiter.take(LIMIT, subject);
        expect([1, 2]).toContain(remaining);
        expect(await stores.sessionCache.find(SYSTEM_SCOPE, sessionId)).toEqual(state);
      });

      it('costs a listener nothing of what others appended meanwhile', async () => {
        const { stores, proxy } = await behindProxy();
        const writer = await openNode();
        onTestFinished(() => writer.close());
        const scope = newScope();
        const runId = ids.next('run');
        const append = (firstSequence: number, text: string) =>
          writer.runEventLog.append(scope, { runId, generation: 1, firstSequence, events: deltas(text) });
        const heard: RunEvent[] = [];
        const third = Promise.withResolvers<void>();
        const end = await stores.runEventLog.subscribe(scope, runId, (events) => {
          heard.push(...events);
          if (heard.length === 3) third.resolve();
        });
        await append(0, 'before');
        await expect.poll(() => heard.length, PATIENT).toBe(1);
        await begin(proxy);
        await append(1, 'during');
        await proxy.heal();
        await untilHealthy(stores);
        await append(2, 'after');
        await third.promise;
        end();
        expect(heard).toEqual(numbered(deltas('before', 'during', 'after')));
      });
    });
  }

  it('does not keep a node from closing', async () => {
    const { stores, proxy } = await behindProxy();
    await proxy.begin('silent');
    const pending = stores.cache.get(newScope(), 'key');
    const closed = stores.close();
    await expect(pending).rejects.toMatchObject({ name: 'DomainError' });
    await closed;
    await expect(health(stores)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
