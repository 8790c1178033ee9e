import { describe, it } from 'vitest';
import { openRedis, type RedisStores } from '../../../src/adapters/redis/open-redis.ts';
import { RedisConnection } from '../../../src/adapters/redis/redis-connection.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { findTestServer } from '../../support/servers.ts';

/** Suites share the server and keep apart by fresh workspaces, users and subjects. */
export const server = findTestServer('REDIS_URL_TEST');
export const clock = new SystemClock();

/** What one process has of Redis. */
export function openNode(url = server.url ?? ''): Promise<RedisStores> {
  return openRedis({ url, clock, log: noopLog });
}

export function openConnection(database = 0): Promise<RedisConnection> {
  const url = new URL(server.url ?? '');
  url.pathname = `/${database}`;
  return RedisConnection.open({ url: url.href, name: 'test', clock, log: noopLog });
}

/** A contract suite, or in its place the reason why it is left out. */
export function describeWithRedis(name: string, describeSuite: () => void): void {
  if (server.url !== undefined) describeSuite();
  else
    describe.skip(server.nameOf(name), () => {
      it('keeps the contract', () => {});
    });
}
