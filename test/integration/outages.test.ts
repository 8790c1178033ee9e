import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openMongoStores } from '../../src/adapters/mongodb/open-mongo-stores.ts';
import { openPostgres } from '../../src/adapters/postgres/database.ts';
import { migratePostgres } from '../../src/adapters/postgres/migrate.ts';
import { openRedis } from '../../src/adapters/redis/open-redis.ts';
import { openScyllaStores } from '../../src/adapters/scylla/open-scylla-stores.ts';
import { parseScyllaUrl } from '../../src/adapters/scylla/scylla-url.ts';
import { SystemClock } from '../../src/adapters/system/clock.ts';
import { noopLog } from '../../src/adapters/system/log.ts';
import type { Lifecycle } from '../../src/domain/ports/system.ts';
import { deltas, ids, newChunk, newMessage, newScope } from '../support/fixtures.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { findTestServer, type TestServer } from '../support/servers.ts';
import { FAULTS, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { newMigratedDatabase } from './mongodb/harness.ts';
import { newMigratedKeyspace } from './scylla/harness.ts';

const clock = new SystemClock();
/** Of every call here; what the proxy delays, it delays by more. */
const DEADLINE_MS = 800;
const DELAY_MS = 2_500;
const PATIENT = { timeout: 40_000, interval: 100 };
const CALLS_AT_ONCE = 8;
/** What any of the stores may keep open while it is idle. */
const CONNECTIONS_MAX = 24;

/** What the adapters of one store offer, opened at an address of its server. */
interface OpenStore extends Lifecycle {
  /** Fresh calls, of each kind one. */
  calls(): Promise<unknown>[];
}
interface Subject {
  readonly server: TestServer;
  /** A place of its own at the server: its address, and how to leave. */
  make(): Promise<{ readonly url: string; drop(): Promise<void> }>;
  hostOf(url: string): { readonly host: string; readonly port: number };
  open(url: string): Promise<OpenStore>;
}

function hostOfUrl(url: string) {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port) };
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  PostgreSQL: {
    // Without one, npm's own.
    server: { url: 'postgresql:', nameOf: (suite) => suite },
    make: async () => {
      const server = await startTestPostgres();
      await migratePostgres({ url: server.url, log: noopLog });
      return { url: server.url, drop: () => server.close() };
    },
    hostOf: hostOfUrl,
    open: async (url) => {
      const timeouts = { statementTimeoutMs: DEADLINE_MS, acquireTimeoutMs: DEADLINE_MS };
      const database = openPostgres({ url, poolSizeMax: 4, log: noopLog, ...timeouts });
      const one = { name: 'one', text: 'SELECT 1 AS one' };
      return {
        calls: () => [
          database.query(one, []),
          database.orm((prisma) => prisma.user.count()),
          database.transaction((query) => query(one, [])),
        ],
        health: (signal) => database.health(signal),
        close: () => database.close(),
      };
    },
  },
  MongoDB: {
    server: findTestServer('MONGODB_URL_TEST'),
    make: newMigratedDatabase,
    hostOf: hostOfUrl,
    open: async (url) => {
      const options = { url, log: noopLog, clock, operationTimeoutMs: DEADLINE_MS, poolSizeMax: 8 };
      const stores = await openMongoStores(options);
      const model = { modelId: 'model-a', dimensions: 8 };
      return {
        calls: () => [
          stores.chunkIndex.searchLexical(newScope(), ['word'], { filter: [] }, 10),
          stores.chunkIndex.searchVector(newScope(), model, new Float32Array(8), { filter: [] }, 10),
          stores.chunkIndex.upsert(newScope(), model, [newChunk({ documentId: ids.next('doc') })]),
          stores.blobs.get(newScope(), 'key'),
          stores.blobs.put(newScope(), 'key', Buffer.from('bytes')),
        ],
        health: (signal) => stores.health(signal),
        close: () => stores.close(),
      };
    },
  },
  ScyllaDB: {
    server: findTestServer('SCYLLA_URL_TEST'),
    make: newMigratedKeyspace,
    hostOf: (url) => {
      const [host = '', port = ''] = parseScyllaUrl(url).contactPoints[0]?.split(':') ?? [];
      return { host, port: Number(port) };
    },
    open: async (url) => {
      const timeouts = { connectTimeoutMs: DEADLINE_MS, readTimeoutMs: DEADLINE_MS, deadlineMs: 1_000 };
      const { chatLog, ...stores } = openScyllaStores({ url, log: noopLog, clock, ...timeouts });
      return {
        calls: () => [
          chatLog.appendMessage(newScope(), newMessage()),
          chatLog.lastMessages(newScope(), ids.next('cnv'), 10, 10),
          chatLog.readEvents(newScope(), ids.next('run'), -1),
        ],
        health: (signal) => stores.health(signal),
        close: () => stores.close(),
      };
    },
  },
  Redis: {
    server: findTestServer('REDIS_URL_TEST'),
    make: async () => ({ url: findTestServer('REDIS_URL_TEST').url ?? '', drop: async () => {} }),
    hostOf: hostOfUrl,
    open: async (url) => {
      const stores = await openRedis({ url, clock, log: noopLog, commandTimeoutMs: DEADLINE_MS });
      const { runEventLog, cache } = stores;
      const batch = () => ({ runId: ids.next('run'), generation: 1, firstSequence: 0, events: deltas('a') });
      return {
        calls: () => [
          runEventLog.append(newScope(), batch()),
          runEventLog.read(newScope(), ids.next('run'), -1, 10),
          cache.get(newScope(), 'key'),
          cache.put(newScope(), 'key', Buffer.from('value'), 60_000),
        ],
        health: (signal) => stores.health(signal),
        close: () => stores.close(),
      };
    },
  },
};

const typed = {
  name: 'DomainError',
  code: expect.stringMatching(/^(STORE_UNAVAILABLE|DEADLINE_EXCEEDED)$/),
  retryable: true,
};
const socketCount = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

for (const [name, subject] of Object.entries(SUBJECTS)) {
  const { server } = subject;
  describe.skipIf(server.url === undefined)(server.nameOf(`${name} behind a network that fails`), () => {
    let place: Awaited<ReturnType<Subject['make']>>;
    beforeAll(async () => {
      place = await subject.make();
    });
    afterAll(() => place?.drop());

    async function behindProxy(): Promise<{ store: OpenStore; proxy: TcpProxy }> {
      const target = subject.hostOf(place.url);
      const proxy = await startTcpProxy({ ...target, delayMs: DELAY_MS });
      const url = place.url.replace(`${target.host}:${target.port}`, `127.0.0.1:${proxy.port}`);
      const store = await subject.open(url);
      onTestFinished(async () => {
        await store.close();
        await proxy.close();
      });
      return { store, proxy };
    }
    const callAll = (store: OpenStore) =>
      Promise.allSettled(Array.from({ length: CALLS_AT_ONCE }, () => store.calls()).flat());

    for (const fault of FAULTS) {
      it(`${fault}: each call ends, typed and retryable; it is over by itself; nothing is left`, async () => {
        const socketsBefore = socketCount();
        const { store, proxy } = await behindProxy();
        const failures = async () =>
          (await callAll(store)).filter(({ status }) => status === 'rejected').map(String);
        await expect.poll(failures, PATIENT).toEqual([]);
        await proxy.begin(fault);
        // Twice: what is known to be broken, and what is found out on the way.
        for (let round = 0; round < 2; round += 1) {
          for (const outcome of await callAll(store)) {
            expect(outcome).toMatchObject({ status: 'rejected', reason: typed });
          }
        }
        await expect(store.health(AbortSignal.timeout(5_000))).rejects.toThrow();
        await proxy.heal();
        await expect.poll(failures, PATIENT).toEqual([]);
        // It looks at every connection, also at one that has nothing else to do and is found dead only now.
        const health = () => store.health(AbortSignal.timeout(5_000)).catch(String);
        await expect.poll(health, PATIENT).toBeUndefined();
        expect(proxy.connectionCount).toBeLessThanOrEqual(CONNECTIONS_MAX);
        await store.close();
        await expect.poll(() => proxy.connectionCount, PATIENT).toBe(0);
        await proxy.close();
        await expect.poll(socketCount, PATIENT).toBeLessThanOrEqual(socketsBefore);
      }, 90_000);
    }
  });
}
