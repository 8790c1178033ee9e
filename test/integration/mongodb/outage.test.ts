import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type MongoStores, openMongoStores } from '../../../src/adapters/mongodb/open-mongo-stores.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { ids, newChunk, newScope } from '../../support/fixtures.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { nameOf, newMigratedDatabase, serverUrl, silentLog, type TestDatabase } from './harness.ts';

const either = {
  ...{ name: 'DomainError', retryable: true },
  code: expect.stringMatching(/^(STORE_UNAVAILABLE|DEADLINE_EXCEEDED)$/),
};
const OPERATION_TIMEOUT_MS = 1_000;
const PATIENT = { timeout: 25_000, interval: 100 };
const MODEL = { modelId: 'model-a', dimensions: 8 };

describe.skipIf(serverUrl === undefined)(nameOf('an outage of MongoDB'), () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await newMigratedDatabase();
  });
  afterAll(() => database.drop());

  async function behindProxy(): Promise<{ stores: MongoStores; proxy: TcpProxy }> {
    const { hostname: host, port } = new URL(database.url);
    const proxy = await startTcpProxy({ host, port: Number(port) });
    const url = database.url.replace(`${host}:${port}`, `127.0.0.1:${proxy.port}`);
    const options = { url, log: silentLog, operationTimeoutMs: OPERATION_TIMEOUT_MS };
    const stores = await openMongoStores({ ...options, clock: new SystemClock() });
    onTestFinished(async () => {
      await stores.close();
      await proxy.close();
    });
    return { stores, proxy };
  }
  const reads = ({ chunkIndex, blobs }: MongoStores) => [
    chunkIndex.searchLexical(newScope(), ['word'], { filter: [] }, 10),
    chunkIndex.searchVector(newScope(), MODEL, new Float32Array(8), { filter: [] }, 10),
    blobs.get(newScope(), 'key'),
  ];
  const writes = ({ chunkIndex, blobs }: MongoStores) => [
    chunkIndex.upsert(newScope(), MODEL, [newChunk({ documentId: ids.next('doc') })]),
    chunkIndex.remove(newScope(), ids.next('doc')),
    blobs.put(newScope(), 'key', Buffer.from('bytes')),
  ];
  const expectFailed = async (calls: readonly Promise<unknown>[]) => {
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: either });
    }
  };
  const expectRecovered = async (stores: MongoStores) => {
    const read = () => stores.blobs.get(newScope(), 'key').catch((error: unknown) => error);
    await expect.poll(read, PATIENT).toBeUndefined();
    await Promise.all([...reads(stores), ...writes(stores)]);
    await stores.health(AbortSignal.timeout(5_000));
  };

  it('with connections reset and refused is said by every call, and over by itself', async () => {
    const { stores, proxy } = await behindProxy();
    await Promise.all([...reads(stores), ...writes(stores)]);
    await proxy.begin('refused');
    await expectFailed([...reads(stores), ...writes(stores), stores.health(AbortSignal.timeout(5_000))]);
    await proxy.heal();
    await expectRecovered(stores);
  });

  it('with a server that falls silent ends every call by its deadline, and is over by itself', async () => {
    const { stores, proxy } = await behindProxy();
    await Promise.all([...reads(stores), ...writes(stores)]);
    await proxy.begin('silent');
    await expectFailed([...reads(stores), ...writes(stores)]);
    await expect(stores.health(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await proxy.heal();
    await expectRecovered(stores);
  });

  it('leaves what was committed whole', async () => {
    const { stores, proxy } = await behindProxy();
    const scope = newScope();
    await stores.blobs.put(scope, 'kept', Buffer.from('whole'));
    const slow = (async function* () {
      yield Buffer.from('half');
      await proxy.begin('refused');
      yield Buffer.alloc(600_000);
    })();
    await expect(stores.blobs.put(scope, 'kept', slow)).rejects.toMatchObject(either);
    await proxy.heal();
    const read = async () => String(await stores.blobs.get(scope, 'kept').catch(() => undefined));
    await expect.poll(read, PATIENT).toBe('whole');
  });
});
