import type { StoreSettings } from './four-stores.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { REQUEST_READERS, type RequestReader } from './wire-requests.ts';

export type StoreName = keyof typeof REQUEST_READERS;
const STORE_NAMES = Object.keys(REQUEST_READERS) as StoreName[];

/** The four stores, each through a proxy that names every request made of it. */
export interface CountedStores {
  readonly settings: StoreSettings;
  readonly proxies: Readonly<Record<StoreName, TcpProxy>>;
  /** Names of the requests since the last call, in order. */
  take(): Record<StoreName, string[]>;
  close(): Promise<void>;
}

export async function countStores(settings: StoreSettings): Promise<CountedStores> {
  const seen = fresh();
  const opened = await Promise.all(
    STORE_NAMES.map(async (name) => {
      const readers = new Map<number, RequestReader>();
      const [, host = '', port = ''] = /\/\/(?:[^@/]*@)?([^:/]+):(\d+)/.exec(settings[name]) ?? [];
      const onSent = (bytes: Buffer, connection: number) => {
        const reader = readers.get(connection) ?? REQUEST_READERS[name]();
        readers.set(connection, reader);
        seen[name].push(...reader(bytes));
      };
      const proxy = await startTcpProxy({ host, port: Number(port), onSent });
      return { name, proxy, url: settings[name].replace(`${host}:${port}`, `127.0.0.1:${proxy.port}`) };
    }),
  );
  return {
    settings: { ...settings, ...Object.fromEntries(opened.map(({ name, url }) => [name, url])) },
    proxies: Object.fromEntries(opened.map(({ name, proxy }) => [name, proxy])) as CountedStores['proxies'],
    take: () => {
      const taken = { ...seen };
      Object.assign(seen, fresh());
      return taken;
    },
    close: async () => {
      await Promise.all(opened.map(({ proxy }) => proxy.close()));
    },
  };
}

function fresh(): Record<StoreName, string[]> {
  return { DATABASE_URL: [], MONGODB_URL: [], SCYLLA_URL: [], REDIS_URL: [] };
}

/** What a node does by the clock, whether or not anybody is there: leases, signs of life, topology. */
const PERIODIC: Readonly<Record<StoreName, RegExp>> = {
  DATABASE_URL: /^(run_heartbeat|run_claim_expired|reap\w*|SELECT|health|unnamed)$/,
  MONGODB_URL: /^(hello|ismaster|ping|endSessions)$/i,
  // The product's own statements are prepared; the driver asks for the cluster's schema when anybody changes it.
  SCYLLA_URL: /^(OPTIONS|QUERY)$/,
  REDIS_URL: /^PING$/,
};

export function withoutPeriodic(requests: Record<StoreName, string[]>): Record<StoreName, string[]> {
  const kept = STORE_NAMES.map((name) => [name, requests[name].filter((one) => !PERIODIC[name].test(one))]);
  return Object.fromEntries(kept) as Record<StoreName, string[]>;
}
