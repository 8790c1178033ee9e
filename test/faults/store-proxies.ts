import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type ServerUrls, STORES, type StoreName } from './server-stores.ts';

/** `silent`: nothing passes until it is healed. `down`: connections are ended and nobody listens. */
export type NetworkFault = 'silent' | 'down';

/** What stands between one node and its stores. */
export class StoreProxies {
  readonly urls: ServerUrls;
  readonly #proxies: ReadonlyMap<StoreName, TcpProxy>;

  private constructor(urls: ServerUrls, proxies: ReadonlyMap<StoreName, TcpProxy>) {
    this.urls = urls;
    this.#proxies = proxies;
  }

  static async open(urls: ServerUrls): Promise<StoreProxies> {
    const proxies = new Map<StoreName, TcpProxy>();
    const proxied = { ...urls };
    for (const name of STORES) {
      const [, host = '', port = ''] = /:\/\/(?:[^@/]*@)?([^:/]+):(\d+)/.exec(urls[name]) ?? [];
      const proxy = await startTcpProxy({ host, port: Number(port) });
      proxies.set(name, proxy);
      proxied[name] = urls[name].replace(`${host}:${port}`, `127.0.0.1:${proxy.port}`);
    }
    return new StoreProxies(proxied, proxies);
  }

  async begin(store: StoreName, fault: NetworkFault): Promise<void> {
    const proxy = this.#proxies.get(store);
    await proxy?.begin(fault === 'silent' ? 'silent' : 'refused');
  }

  async heal(store: StoreName): Promise<void> {
    await this.#proxies.get(store)?.heal();
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close();
  }
}
