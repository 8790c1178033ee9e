import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import {
  auditLedger,
  type ChaosNode,
  type Fleet,
  type Lease,
  NODE_ENVIRONMENT,
  startSurely,
} from './fleet.ts';
import { ChaosStores, type ServerUrls } from './server-stores.ts';
import { StoreProxies } from './store-proxies.ts';

/** Left unhurt at any moment. */
const OTHERS_MIN = 2;
const LOOK_MS = 20;
const STARTS_AT_ONCE = 2;
const NODES_A_PROXY = 3;

export interface ServerFleetOptions {
  readonly leaseMs: number;
  readonly urls: ServerUrls;
  readonly nodeCount: number;
  readonly modelEnvironment: Readonly<Record<string, string>>;
}

/** Several `serve` processes on the four servers; whoever is killed is replaced. */
export class ServerFleet implements Fleet {
  readonly leaseMs: number;
  readonly hasProxies = true;
  readonly #options: ServerFleetOptions;
  readonly #stores: ChaosStores;
  readonly #pool: pg.Pool;
  readonly #folder: string;
  readonly #nodes = new Set<ChaosNode>();
  readonly #listeners = new Set<(node: ChaosNode) => void>();
  readonly #starting = new Set<Promise<void>>();
  #startedCount = 0;
  /** A node was not replaced: soon there would be nobody left to hurt. */
  #failure: unknown;

  private constructor(options: ServerFleetOptions, stores: ChaosStores, folder: string) {
    this.#options = options;
    this.leaseMs = options.leaseMs;
    this.#stores = stores;
    this.#folder = folder;
    this.#pool = new pg.Pool({ connectionString: stores.urls.DATABASE_URL, max: 4 });
    this.#pool.on('error', () => undefined);
  }

  static async start(options: ServerFleetOptions): Promise<ServerFleet> {
    const stores = await ChaosStores.create(options.urls);
    const folder = await mkdtemp(join(tmpdir(), 'multidb-chaos-'));
    const fleet = new ServerFleet(options, stores, folder);
    try {
      // The first one alone compiles what the others then read.
      await fleet.#start();
      for (let count = 1; count < options.nodeCount; count += STARTS_AT_ONCE) {
        const missing = Math.min(STARTS_AT_ONCE, options.nodeCount - count);
        await Promise.all(Array.from({ length: missing }, () => fleet.#start()));
      }
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  ready(): readonly ChaosNode[] {
    return [...this.#nodes].filter(({ state }) => state === 'ready');
  }

  async reserveVictim(fraction: number, behindProxies: boolean): Promise<ChaosNode> {
    for (;;) {
      const free = this.ready().filter(({ isVictim }) => !isVictim);
      // Those with proxies are few: others are taken where others will do.
      const wanted = free.filter(({ proxies }) => behindProxies === (proxies !== undefined));
      const fit = wanted.length > 0 || behindProxies ? wanted : free;
      const victim = fit[Math.floor(fraction * fit.length)];
      if (victim && free.length > OTHERS_MIN) {
        victim.isVictim = true;
        return victim;
      }
      if (this.#failure) throw this.#failure;
      await sleep(LOOK_MS);
    }
  }

  release(node: ChaosNode): void {
    node.isVictim = false;
  }

  kill(node: ChaosNode): void {
    this.#replace(node, 'SIGKILL');
  }

  drain(node: ChaosNode): void {
    this.#replace(node, 'SIGTERM');
  }

  stop(node: ChaosNode): void {
    node.process.process.child.kill('SIGSTOP');
    this.#down(node, 'stopped');
  }

  wake(node: ChaosNode): void {
    node.process.process.child.kill('SIGCONT');
    if (node.state === 'stopped') node.state = 'ready';
  }

  onDown(listener: (node: ChaosNode) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async leases(runIds: readonly string[]): Promise<ReadonlyMap<string, Lease>> {
    const { rows } = await this.#pool.query(
      `SELECT id, generation, lease_until AS "leaseUntil" FROM runs WHERE id = ANY($1) AND settled_at IS NULL`,
      [runIds],
    );
    return new Map(
      rows.map(({ id, generation, leaseUntil }) => [id, { generation, leaseUntil: leaseUntil.getTime() }]),
    );
  }

  async generations(runIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#pool.query('SELECT id, generation FROM runs WHERE id = ANY($1)', [runIds]);
    return new Map(rows.map(({ id, generation }) => [id, generation]));
  }

  resumableAt(_node: ChaosNode, leaseUntil: number): number {
    return leaseUntil;
  }

  audit(): Promise<readonly string[]> {
    return auditLedger({ ...this.#stores.urls, DATA_DIR: join(this.#folder, 'audit') });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#nodes].map((node) => node.process.kill('SIGKILL')));
    await this.#pool.end();
    await this.#stores.drop();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #replace(node: ChaosNode, signal: 'SIGKILL' | 'SIGTERM'): void {
    node.process.process.child.kill(signal);
    this.#down(node, 'gone');
    void node.process.process.exited.then(() => this.#nodes.delete(node));
    const started = this.#start().catch((error: unknown) => {
      this.#failure = error;
    });
    this.#starting.add(started);
    void started.finally(() => this.#starting.delete(started));
  }

  #down(node: ChaosNode, state: 'stopped' | 'gone'): void {
    node.state = state;
    for (const listener of this.#listeners) listener(node);
  }

  async #start(): Promise<void> {
    this.#startedCount += 1;
    const count = this.#startedCount;
    const proxies = await this.#proxiesFor(count);
    const server = await startSurely(() => this.#startProcess(count, proxies?.urls ?? this.#stores.urls));
    this.#nodes.add({ url: server.url, process: server, state: 'ready', proxies, isVictim: false });
    void server.process.exited.then(() => proxies?.close());
  }

  /** Bytes that pass through this process cost it time: not before every node. */
  async #proxiesFor(count: number): Promise<StoreProxies | undefined> {
    return count % NODES_A_PROXY === 2 ? StoreProxies.open(this.#stores.urls) : undefined;
  }

  #startProcess(count: number, urls: ServerUrls): Promise<ServerProcess> {
    return startServer({
      command: 'serve',
      folder: join(this.#folder, `node-${count}`),
      env: {
        ...NODE_ENVIRONMENT,
        ...this.#options.modelEnvironment,
        ...urls,
        RUN_LEASE_MS: String(this.leaseMs),
        NODE_COMPILE_CACHE: join(this.#folder, 'compiled'),
      },
    });
  }
}
