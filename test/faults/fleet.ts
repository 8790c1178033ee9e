import { randomBytes } from 'node:crypto';
import { runCli, type ServerProcess } from '../support/server-process.ts';
import type { StoreProxies } from './store-proxies.ts';

/** One process that answers. */
export interface ChaosNode {
  readonly url: string;
  readonly process: ServerProcess;
  state: 'ready' | 'stopped' | 'gone';
  /** Between it and its stores, if there are any. */
  readonly proxies?: StoreProxies | undefined;
  /** A trial will hurt it: no other one may. */
  isVictim: boolean;
}
export interface Lease {
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly leaseUntil: number;
}

/** The processes under test, on one kind of stores. */
export interface Fleet {
  readonly leaseMs: number;
  /** Some of its nodes can be cut off from a store. */
  readonly hasProxies: boolean;
  /** Those that a health check would call alive. */
  ready(): readonly ChaosNode[];
  /** A node for one trial to hurt, as soon as enough others are there; behind proxies if the fleet has such nodes. */
  reserveVictim(fraction: number, behindProxies: boolean): Promise<ChaosNode>;
  release(node: ChaosNode): void;
  /** SIGKILL; another process is started in its place. */
  kill(node: ChaosNode): void;
  /** SIGTERM; another process is started in its place. */
  drain(node: ChaosNode): void;
  /** SIGSTOP. */
  stop(node: ChaosNode): void;
  /** SIGCONT. */
  wake(node: ChaosNode): void;
  onDown(listener: (node: ChaosNode) => void): () => void;
  /** Leases of unsettled runs as they stand now; without a way to see them, the earliest they can end. */
  leases(runIds: readonly string[]): Promise<ReadonlyMap<string, Lease>>;
  /** Of settled runs too; undefined where it cannot be seen. */
  generations(runIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** From when on anybody could have taken over what the node held. */
  resumableAt(node: ChaosNode, leaseUntil: number): number;
  /** What the whole ledger's audit finds; empty when it is clean. */
  audit(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const START_ATTEMPTS_MAX = 5;

/** A busy machine may be too slow for the deadlines of a start. Throws the last attempt's error. */
export async function startSurely(start: () => Promise<ServerProcess>): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX) throw error;
    }
  }
}

export const NODE_ENVIRONMENT = {
  LOG_LEVEL: 'fatal',
  SHUTDOWN_GRACE_MS: '300',
  MESSAGES_PER_MINUTE: '1000000',
  SIGN_UP_PER_ADDRESS_PER_MINUTE: '100000',
  QUOTA_LIMIT_MICROS: '1000000000000000',
  DATABASE_POOL_SIZE_MAX: '4',
  SECRET_KEY: randomBytes(32).toString('hex'),
} as const;

/** What the product's own audit finds in all workspaces; empty when everything agrees. */
export async function auditLedger(environment: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runCli(['audit-ledger'], { ...NODE_ENVIRONMENT, ...environment });
  return code === 0 ? [] : [`audit-ledger: ${stdout}${stderr}`];
}
