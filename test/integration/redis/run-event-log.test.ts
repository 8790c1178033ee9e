import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisConnection } from '../../../src/adapters/redis/redis-connection.ts';
import { runKeys } from '../../../src/adapters/redis/redis-keys.ts';
import { RedisRunEventLog } from '../../../src/adapters/redis/redis-run-event-log.ts';
import { RedisSubscriber } from '../../../src/adapters/redis/redis-subscriber.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunEventBody } from '../../../src/domain/run.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { deltas, ids, newScope, numbered } from '../../support/fixtures.ts';
import { clock, openConnection, server } from './harness.ts';

const EVENTS_MAX = 10;
const BYTES_MAX = 1_000;
const END: RunEventBody = { type: 'RunEnd', finishReason: 'LIMIT' };

describe.skipIf(server.url === undefined)(server.nameOf('the run event log in Redis'), () => {
  let connection: RedisConnection;
  let subscriber: RedisSubscriber;
  let log: RedisRunEventLog;
  let scope: WorkspaceScope;
  let runId: RunId;
  beforeAll(async () => {
    connection = await openConnection();
    subscriber = await RedisSubscriber.open({ url: server.url ?? '', clock, log: noopLog, onGap: () => {} });
    log = new RedisRunEventLog({
      connection,
      subscriber,
      clock,
      eventsMax: EVENTS_MAX,
      bytesMax: BYTES_MAX,
    });
  });
  afterAll(async () => {
    log.close();
    await Promise.all([connection.close(), subscriber.close()]);
  });
  beforeEach(() => {
    scope = newScope();
    runId = ids.next('run');
  });
  const append = (firstSequence: number, ...events: readonly RunEventBody[]) =>
    log.append(scope, { runId, generation: 1, firstSequence, events });
  const timesToLive = () => {
    const { events, state } = runKeys(scope, runId);
    return Promise.all([events, state].map(async (key) => Number(await connection.send(['PTTL', key]))));
  };

  it('cuts a run at its own limit, never trims it, and lets it say so', async () => {
    const full = deltas(...Array.from({ length: EVENTS_MAX }, (_, index) => `${index}`));
    await append(0, ...full);
    await expect(append(EVENTS_MAX, ...deltas('more'))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await append(EVENTS_MAX, END);
    expect(await log.read(scope, runId, -1, 100)).toEqual(numbered([...full, END]));
  });

  it('cuts a run at its bytes too', async () => {
    await append(0, ...deltas('a'.repeat(BYTES_MAX / 2)));
    await expect(append(1, ...deltas('b'.repeat(BYTES_MAX / 2)))).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    await append(1, END);
    expect(await log.read(scope, runId, -1, 100)).toHaveLength(2);
  });

  it('goes when it is retired, at the earlier of two times; one that nobody retires goes in days', async () => {
    const DAY_MS = 86_400_000;
    await append(0, ...deltas('a'));
    for (const ttlMs of await timesToLive()) expect(ttlMs).toBeGreaterThan(6 * DAY_MS);
    await log.retire(scope, runId, 60_000);
    await log.retire(scope, runId, 600_000);
    for (const ttlMs of await timesToLive()) {
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(60_000);
    }
    await log.retire(scope, runId, 0);
    expect(await log.read(scope, runId, -1, 100)).toBeUndefined();
  });

  it('outlives a server that has forgotten the scripts', async () => {
    await append(0, ...deltas('a'));
    await connection.send(['SCRIPT', 'FLUSH', 'SYNC']);
    await append(1, ...deltas('b'));
    expect(await log.fence(scope, runId, 2)).toEqual(numbered(deltas('a', 'b')));
  });

  it('is not misled by what others say on its channel', async () => {
    const heard: number[] = [];
    const second = Promise.withResolvers<void>();
    const end = await log.subscribe(scope, runId, (events) => {
      for (const { sequence } of events) heard.push(sequence);
      if (heard.length === 2) second.resolve();
    });
    const { events } = runKeys(scope, runId);
    for (const message of ['', 'nonsense', '0 1 ["a"', '0 1 ["never stored"', '7 1 ["gap"]'])
      await connection.send(['SPUBLISH', events, message]);
    await append(0, ...deltas('a'));
    await append(1, ...deltas('b'));
    await second.promise;
    end();
    expect(heard).toEqual([0, 1]);
  });

  it('reads far more than one page', async () => {
    const roomy = new RedisRunEventLog({ connection, subscriber, clock });
    const texts = Array.from({ length: 1_300 }, (_, index) => `${index}`);
    const appendTo = (firstSequence: number) =>
      roomy.append(scope, {
        ...{ runId, generation: 1, firstSequence },
        events: deltas(texts[firstSequence] ?? ''),
      });
    // The server knows the script after the first one, and one connection keeps their order.
    await appendTo(0);
    await Promise.all(texts.slice(1).map((_, index) => appendTo(index + 1)));
    expect(await roomy.read(scope, runId, -1, 5_000)).toEqual(numbered(deltas(...texts)));
    expect(await roomy.read(scope, runId, 700, 550)).toEqual(numbered(deltas(...texts)).slice(701, 1_251));
  });
});
