import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openScyllaStores, type ScyllaStores } from '../../../src/adapters/scylla/open-scylla-stores.ts';
import { parseScyllaUrl } from '../../../src/adapters/scylla/scylla-url.ts';
import { ids, newMessage, newScope } from '../../support/fixtures.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { nameOf, newMigratedKeyspace, serverUrl, silentLog, type TestKeyspace } from './harness.ts';

const unavailable = { name: 'DomainError', code: 'STORE_UNAVAILABLE', retryable: true };
const tooSlow = { name: 'DomainError', code: 'DEADLINE_EXCEEDED', retryable: true };
const either = { code: expect.stringMatching(/^(STORE_UNAVAILABLE|DEADLINE_EXCEEDED)$/), retryable: true };
const DEADLINES = { connectTimeoutMs: 500, readTimeoutMs: 300, deadlineMs: 1_000 };
const PATIENT = { timeout: 20_000, interval: 100 };

describe.skipIf(serverUrl === undefined)(nameOf('an outage of ScyllaDB'), () => {
  let keyspace: TestKeyspace;
  beforeAll(async () => {
    keyspace = await newMigratedKeyspace();
  });
  afterAll(() => keyspace.drop());

  async function behindProxy(): Promise<{ stores: ScyllaStores; proxy: TcpProxy }> {
    const [host = '', port = ''] = parseScyllaUrl(keyspace.url).contactPoints[0]?.split(':') ?? [];
    const proxy = await startTcpProxy({ host, port: Number(port) });
    const url = keyspace.url.replace(/\/\/([^@/]*@)?[^/]+/, `//$1127.0.0.1:${proxy.port}`);
    const stores = openScyllaStores({ url, log: silentLog, ...DEADLINES });
    onTestFinished(async () => {
      await stores.close();
      await proxy.close();
    });
    return { stores, proxy };
  }
  const find = (stores: ScyllaStores) => stores.chatLog.findMessage(newScope(), ids.next('cnv'), 0);
  const append = (stores: ScyllaStores) => stores.chatLog.appendMessage(newScope(), newMessage());
  const health = (stores: ScyllaStores) => stores.health(AbortSignal.timeout(5_000));

  it('from the start is said by every call, and over when the server is there', async () => {
    const { stores, proxy } = await behindProxy();
    await proxy.begin('refused');
    await expect(find(stores)).rejects.toMatchObject(unavailable);
    await expect(append(stores)).rejects.toMatchObject(unavailable);
    await expect(health(stores)).rejects.toMatchObject(unavailable);
    await proxy.heal();
    expect(await find(stores)).toBeUndefined();
    await health(stores);
  });

  it('with connections reset is said by reads and writes, and over by itself', async () => {
    const { stores, proxy } = await behindProxy();
    await append(stores);
    await proxy.begin('refused');
    await expect(find(stores)).rejects.toMatchObject(either);
    await expect(append(stores)).rejects.toMatchObject(either);
    await proxy.heal();
    await expect.poll(() => find(stores).catch((error: unknown) => error), PATIENT).toBeUndefined();
    await append(stores);
  });

  it('with a server that falls silent ends every call by its deadline, and is over by itself', async () => {
    const { stores, proxy } = await behindProxy();
    await append(stores);
    await proxy.begin('silent');
    const calls = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? find(stores) : append(stores)));
    const outcomes = await Promise.allSettled(calls);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: either });
    }
    await proxy.heal();
    await expect.poll(() => find(stores).catch((error: unknown) => error), PATIENT).toBeUndefined();
    await append(stores);
  });

  it('with a server that never says a word is too slow', async () => {
    const { stores, proxy } = await behindProxy();
    await proxy.begin('silent');
    await expect(find(stores)).rejects.toMatchObject(either);
    await expect(stores.health(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    const { stores: hasty } = {
      stores: openScyllaStores({ url: keyspace.url, log: silentLog, deadlineMs: 1 }),
    };
    onTestFinished(() => hasty.close());
    await expect(find(hasty)).rejects.toMatchObject(tooSlow);
  });

  it('takes no calls after close', async () => {
    const { stores } = await behindProxy();
    await append(stores);
    await stores.close();
    await expect(find(stores)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await stores.close();
  });
});
