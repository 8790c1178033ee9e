import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { DataFolderFixture, startServer } from '../support/server-process.ts';
import {
  auditLedger,
  type ChaosNode,
  type Fleet,
  type Lease,
  NODE_ENVIRONMENT,
  startSurely,
} from './fleet.ts';

const LOOK_MS = 20;
/** Heartbeats in a lease; the last one may be a little late. */
const HEARTBEATS = 3;
const LATE_MS = 50;

/** One process on a data folder of its own, at one address; whenever it ends it is started again. */
export class EmbeddedFleet implements Fleet {
  readonly leaseMs: number;
  readonly hasProxies = false;
  readonly #folder: DataFolderFixture;
  readonly #port: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #listeners = new Set<(node: ChaosNode) => void>();
  #node: ChaosNode | undefined;
  #restarting: Promise<void> | undefined;
  #resumableAt = 0;
  /** The process did not start again: nothing that follows would mean anything. */
  #failure: unknown;

  private constructor(
    folder: DataFolderFixture,
    port: number,
    leaseMs: number,
    environment: Readonly<Record<string, string>>,
  ) {
    this.leaseMs = leaseMs;
    this.#folder = folder;
    this.#port = port;
    this.#environment = environment;
  }

  static async start(
    leaseMs: number,
    modelEnvironment: Readonly<Record<string, string>>,
  ): Promise<EmbeddedFleet> {
    const fleet = new EmbeddedFleet(
      await DataFolderFixture.make(),
      await freePort(),
      leaseMs,
      modelEnvironment,
    );
    await fleet.#start();
    return fleet;
  }

  ready(): readonly ChaosNode[] {
    return this.#node?.state === 'ready' ? [this.#node] : [];
  }

  async reserveVictim(): Promise<ChaosNode> {
    for (;;) {
      const [node] = this.ready();
      if (node) return node;
      if (this.#failure) throw this.#failure;
      await sleep(LOOK_MS);
    }
  }

  release(): void {}

  kill(node: ChaosNode): void {
    this.#restart(node, 'SIGKILL');
  }

  drain(node: ChaosNode): void {
    this.#restart(node, 'SIGTERM');
  }

  stop(node: ChaosNode): void {
    node.process.process.child.kill('SIGSTOP');
    this.#down(node, 'stopped');
  }

  wake(node: ChaosNode): void {
    node.process.process.child.kill('SIGCONT');
    if (node.state !== 'stopped') return;
    this.#resumableAt = Date.now();
    node.state = 'ready';
  }

  onDown(listener: (node: ChaosNode) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Its PostgreSQL is its own: the earliest end that a lease renewed in time can have. */
  async leases(runIds: readonly string[]): Promise<ReadonlyMap<string, Lease>> {
    const leaseUntil = Date.now() + this.leaseMs - this.leaseMs / HEARTBEATS - LATE_MS;
    return new Map(runIds.map((id) => [id, { generation: Number.NaN, leaseUntil }]));
  }

  async generations(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  resumableAt(_node: ChaosNode, leaseUntil: number): number {
    return Math.max(this.#resumableAt, leaseUntil);
  }

  async audit(): Promise<readonly string[]> {
    await this.reserveVictim();
    return auditLedger({ DATA_DIR: this.#folder.path });
  }

  async close(): Promise<void> {
    await this.#restarting?.catch(() => undefined);
    await this.#node?.process.stop();
    await this.#folder.remove();
  }

  #restart(node: ChaosNode, signal: 'SIGKILL' | 'SIGTERM'): void {
    const ended = node.process.kill(signal);
    this.#down(node, 'gone');
    this.#restarting = ended.then(() => this.#start());
    this.#restarting.catch((error: unknown) => {
      this.#failure = error;
    });
  }

  #down(node: ChaosNode, state: 'stopped' | 'gone'): void {
    node.state = state;
    for (const listener of this.#listeners) listener(node);
  }

  async #start(): Promise<void> {
    const env = {
      ...NODE_ENVIRONMENT,
      ...this.#environment,
      PORT: String(this.#port),
      RUN_LEASE_MS: String(this.leaseMs),
    };
    const server = await startSurely(() => startServer({ folder: this.#folder.path, env }));
    this.#resumableAt = Date.now();
    this.#node = { url: server.url, process: server, state: 'ready', isVictim: false };
  }
}
