import type { Client, Host, types } from 'cassandra-driver';
import { DomainError } from '../../domain/errors.ts';
import type { Lifecycle, Log } from '../../domain/ports/system.ts';
import { abandon, newScyllaClient, type Timeouts } from './scylla-client.ts';
import { toDomainError, tooSlow } from './scylla-errors.ts';
import { mayMissWrites, parseScyllaUrl, type ScyllaSettings } from './scylla-url.ts';

export interface ScyllaOptions extends Partial<Timeouts> {
  /** `scylla://user:password@host1,host2:9042/keyspace?dc=datacenter1&consistency=LOCAL_QUORUM` */
  readonly url: string;
  /** Of a whole call: connecting, preparing, every attempt. Default 5,000. */
  readonly deadlineMs?: number;
  readonly log: Log;
}

export interface Statement {
  /** Columns by name, values as `?`: prepared once a node, routed to the replicas of its partition. */
  readonly cql: string;
  /** Whether it may be sent again when nobody knows what became of it. */
  readonly isIdempotent: boolean;
}

export interface ScyllaConnection extends Lifecycle {
  /** Runs one statement; all rows, as the driver gives them. Throws STORE_UNAVAILABLE or DEADLINE_EXCEEDED. */
  execute(statement: Statement, values: readonly unknown[]): Promise<readonly unknown[]>;
}

const CONNECT_TIMEOUT_MS = 2_000;
const READ_TIMEOUT_MS = 3_000;
const DEADLINE_MS = 5_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** Callers at once. More than this means that the store is far behind: refused, not queued. */
const CALLS_MAX = 8_192;
/** Rows of one answer of the server; more come in further ones. */
const FETCH_ROWS = 1_000;
const HEALTH: Statement = { cql: 'SELECT key FROM system.local', isIdempotent: true };

/** Connects with the first call: an unreachable cluster shows in `health` and in calls, not here. */
export function openScylla(options: ScyllaOptions): ScyllaConnection {
  return new LazyScyllaConnection(options);
}

interface Retirement {
  readonly timer: NodeJS.Timeout;
  readonly replaced: readonly Host[];
}

class LazyScyllaConnection implements ScyllaConnection {
  readonly #settings: ScyllaSettings;
  readonly #timeouts: Timeouts;
  readonly #deadlineMs: number;
  readonly #log: Log;
  #client: Client | undefined;
  #connecting: Promise<Client> | undefined;
  readonly #retired = new Map<Client, Retirement>();
  #isClosed = false;
  #callCount = 0;

  constructor({ url, log, ...times }: ScyllaOptions) {
    this.#settings = parseScyllaUrl(url);
    this.#log = log;
    this.#deadlineMs = times.deadlineMs ?? DEADLINE_MS;
    this.#timeouts = {
      connectTimeoutMs: times.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      readTimeoutMs: times.readTimeoutMs ?? READ_TIMEOUT_MS,
    };
    if (mayMissWrites(this.#settings.consistency)) {
      log.warn({}, 'SCYLLA_URL: with this consistency, keep one copy of each row only, or reads miss writes');
    }
  }

  async execute(statement: Statement, values: readonly unknown[]): Promise<readonly unknown[]> {
    if (this.#isClosed) throw new DomainError('SHUTTING_DOWN', 'The connection to ScyllaDB is closed.');
    if (this.#callCount >= CALLS_MAX) {
      throw new DomainError('STORE_UNAVAILABLE', 'Too many calls to ScyllaDB at once.');
    }
    this.#callCount += 1;
    try {
      return await within(this.#deadlineMs, this.#run(statement, values));
    } catch (error) {
      throw toDomainError(error);
    } finally {
      this.#callCount -= 1;
    }
  }

  async health(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.execute(HEALTH, []), aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const client = this.#client ?? (await this.#connecting?.catch(() => undefined));
    this.#client = undefined;
    const open = new Set([...this.#retired.keys(), ...(client ? [client] : [])]);
    await Promise.all([...open].map((one) => this.#end(one)));
  }

  async #run({ cql, isIdempotent }: Statement, values: readonly unknown[]): Promise<readonly unknown[]> {
    const client = this.#client ?? (await this.#connect());
    const result = await client.execute(cql, [...values], {
      prepare: true,
      isIdempotent,
      fetchSize: FETCH_ROWS,
    });
    // A server may end an answer early, ScyllaDB after 1 MB, however small the statement's LIMIT is.
    return result.pageState === null ? (result.rows ?? []) : allRows(result);
  }

  /** One attempt at a time, shared by everybody who waits. */
  #connect(): Promise<Client> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** A client that failed to connect keeps what it saw of the cluster, so each attempt has its own. */
  async #open(): Promise<Client> {
    const client = newScyllaClient(this.#settings, this.#timeouts, { keyspace: true });
    client.on('hostDown', (host: { address: string }) => {
      this.#log.warn({ node: host.address }, 'ScyllaDB node lost');
    });
    client.on('hostRemove', (host: Host) => {
      if (client.hosts.get(host.address) !== undefined) this.#retire(client, host);
    });
    client.on('hostUp', (host: { address: string }) => {
      this.#log.info({ node: host.address }, 'ScyllaDB node is back');
    });
    try {
      await client.connect();
    } catch (error) {
      await abandon(client).catch((failure: unknown) => this.#lost(failure));
      throw error;
    }
    this.#client = client;
    return client;
  }

  /**
   * A driver that has lost every connection looks its hosts up anew and replaces those that it knew, but goes on routing
   * by the old ones, whose pools then reconnect for ever, also after `shutdown` (since NODEJS-632). So that client is
   * given up for a new one, and ended when its last calls have had their time.
   */
  #retire(client: Client, replaced: Host): void {
    if (this.#client === client) this.#client = undefined;
    const known = this.#retired.get(client);
    const timer = known?.timer ?? setTimeout(() => void this.#end(client), this.#deadlineMs);
    this.#retired.set(client, { timer, replaced: [...(known?.replaced ?? []), replaced] });
  }

  async #end(client: Client): Promise<void> {
    const { timer, replaced = [] } = this.#retired.get(client) ?? {};
    clearTimeout(timer);
    this.#retired.delete(client);
    for (const host of replaced) {
      // There, though its type does not say so.
      if ('shutdown' in host && typeof host.shutdown === 'function') host.shutdown(false);
    }
    await within(CLOSE_TIMEOUT_MS, client.shutdown()).catch((error: unknown) => this.#lost(error));
  }

  #lost(error: unknown): void {
    this.#log.warn({ reason: String(error) }, 'a connection to ScyllaDB did not close cleanly');
  }
}

async function allRows(result: types.ResultSet): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for await (const row of result) rows.push(row);
  return rows;
}

/** What is under way goes on without its caller, who must not wait longer. */
function within<T>(deadlineMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(tooSlow(undefined)), deadlineMs);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      outcome();
    };
    work.then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
