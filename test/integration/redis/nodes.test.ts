import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RedisStores } from '../../../src/adapters/redis/open-redis.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunEvent } from '../../../src/domain/run.ts';
import { SYSTEM_SCOPE, type WorkspaceScope } from '../../../src/domain/scope.ts';
import { deltas, ids, newScope, numbered } from '../../support/fixtures.ts';
import { openNode, server } from './harness.ts';

describe.skipIf(server.url === undefined)(server.nameOf('two nodes on one Redis'), () => {
  let one: RedisStores;
  let other: RedisStores;
  let scope: WorkspaceScope;
  let runId: RunId;
  beforeAll(async () => {
    [one, other] = await Promise.all([openNode(), openNode()]);
  });
  afterAll(() => Promise.all([one.close(), other.close()]));
  beforeEach(() => {
    scope = newScope();
    runId = ids.next('run');
  });

  const append = (node: RedisStores, id: RunId, firstSequence: number, texts: string[], generation = 1) =>
    node.runEventLog.append(scope, { runId: id, generation, firstSequence, events: deltas(...texts) });

  /** What a listener hears of a run, and when it has heard so many events. */
  async function listen(node: RedisStores, id: RunId, count: number) {
    const heard: RunEvent[] = [];
    const all = Promise.withResolvers<void>();
    const end = await node.runEventLog.subscribe(scope, id, (events) => {
      heard.push(...events);
      if (heard.length >= count) all.resolve();
    });
    onTestFinished(end);
    return { heard, all: all.promise };
  }

  it('hear each other from the first event on, in order and once', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => `token ${index}`);
    const remote = await listen(other, runId, texts.length);
    const local = await listen(one, runId, texts.length);
    for (const [index, text] of texts.entries()) await append(one, runId, index, [text]);
    await Promise.all([remote.all, local.all]);
    expect(remote.heard).toEqual(numbered(deltas(...texts)));
    expect(local.heard).toEqual(numbered(deltas(...texts)));
  });

  it('hear a run that goes on from one node to the other', async () => {
    const first = await listen(one, runId, 6);
    const second = await listen(other, runId, 6);
    await append(one, runId, 0, ['a', 'b']);
    await append(one, runId, 2, ['c']);
    expect(await other.runEventLog.fence(scope, runId, 2)).toEqual(numbered(deltas('a', 'b', 'c')));
    await expect(append(one, runId, 3, ['late'])).rejects.toMatchObject({ code: 'STALE_GENERATION' });
    await append(other, runId, 3, ['d', 'e', 'f'], 2);
    await Promise.all([first.all, second.all]);
    const whole = numbered(deltas('a', 'b', 'c', 'd', 'e', 'f'));
    expect([first.heard, second.heard]).toEqual([whole, whole]);
    expect(await one.runEventLog.read(scope, runId, -1, 100)).toEqual(whole);
  });

  it('let one of two racing writers win each place', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => append(index % 2 ? one : other, runId, 0, [`from ${index}`])),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await one.runEventLog.read(scope, runId, -1, 100)).toHaveLength(1);
  });

  it('keep fifty runs apart that are written and watched at once', async () => {
    const runIds = Array.from({ length: 50 }, () => ids.next('run'));
    const listeners = await Promise.all(runIds.map((id) => listen(other, id, 20)));
    for (let sequence = 0; sequence < 20; sequence += 1) {
      await Promise.all(runIds.map((id) => append(one, id, sequence, [`${id} ${sequence}`])));
    }
    await Promise.all(listeners.map(({ all }) => all));
    for (const [index, id] of runIds.entries()) {
      const texts = Array.from({ length: 20 }, (_, sequence) => `${id} ${sequence}`);
      expect(listeners[index]?.heard).toEqual(numbered(deltas(...texts)));
    }
  });

  it('listen again after nobody did', async () => {
    for (let round = 0; round < 20; round += 1) {
      const heard = Promise.withResolvers<number | undefined>();
      const end = await other.runEventLog.subscribe(scope, runId, ([first]) =>
        heard.resolve(first?.sequence),
      );
      await append(one, runId, round, [`${round}`]);
      expect(await heard.promise).toBe(round);
      end();
    }
  });

  it('share sessions, and forget them together', async () => {
    const state = { userId: ids.next('usr'), ...scope, role: 'EDITOR', revoked: false } as const;
    const [mine, theirs] = [ids.next('ses'), ids.next('ses')];
    await one.sessionCache.put(SYSTEM_SCOPE, mine, state);
    await other.sessionCache.put(SYSTEM_SCOPE, theirs, state);
    expect(await other.sessionCache.find(SYSTEM_SCOPE, mine)).toEqual(state);
    expect(await one.sessionCache.find(SYSTEM_SCOPE, theirs)).toEqual(state);
    await one.sessionCache.invalidate(SYSTEM_SCOPE, { sessionId: mine });
    expect(await other.sessionCache.find(SYSTEM_SCOPE, mine)).toBeUndefined();
    await one.sessionCache.put(SYSTEM_SCOPE, mine, state);
    await other.sessionCache.invalidate(SYSTEM_SCOPE, { userId: state.userId });
    expect(await one.sessionCache.find(SYSTEM_SCOPE, mine)).toBeUndefined();
    expect(await one.sessionCache.find(SYSTEM_SCOPE, theirs)).toBeUndefined();
    await other.sessionCache.put(SYSTEM_SCOPE, mine, state);
    expect(await one.sessionCache.find(SYSTEM_SCOPE, mine)).toEqual(state);
  });

  it('share one budget, and one cache', async () => {
    const limit = { name: 'test', limit: 10, windowMs: 3_600_000 };
    const subject = ids.next('usr');
    const decisions = await Promise.all(
      Array.from({ length: 30 }, (_, index) => (index % 2 ? one : other).rateLimiter.take(limit, subject)),
    );
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(10);
    await one.cache.put(scope, 'key', Buffer.from('value'), 60_000);
    expect(Buffer.from((await other.cache.get(scope, 'key')) ?? []).toString()).toBe('value');
    await other.cache.remove(scope, 'k');
    expect(await one.cache.get(scope, 'key')).toBeUndefined();
  });
});
