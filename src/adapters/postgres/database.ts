import pg from 'pg';
import type { Lifecycle, Log } from '../../domain/ports/system.ts';
import { toDomainError } from './errors.ts';
import type { PrismaClient } from './generated/client.ts';
import { parseTimestamp, TIMESTAMPTZ } from './timestamps.ts';

export interface PostgresOptions {
  /** `postgresql://user:password@host:port/database`, or `…@/database?host=/folder/of/the/socket`. */
  readonly url: string;
  readonly poolSizeMax: number;
  /** The server cancels a statement after this; ours gives up a little later, should the server be silent. */
  readonly statementTimeoutMs: number;
  /** How long a call waits for a free or new connection. Default 5,000. */
  readonly acquireTimeoutMs?: number;
  readonly log: Log;
}

/** A statement under a fixed name: each connection parses and plans it once. `$1`, `$2`, … are the parameters. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}
/** Runs one statement; rows as the driver gives them, int8 as number, timestamps as Date. */
export type Query = (statement: Statement, values: readonly unknown[]) => Promise<readonly unknown[]>;

export interface PoolGauges {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

/** One PostgreSQL database: one pool, shared by Prisma and by our own statements. All errors are mapped. */
export interface Database extends Lifecycle {
  readonly pool: pg.Pool;
  readonly query: Query;
  /** Ordinary reads and writes through Prisma. No interactive transactions here: use `transaction`. */
  orm<T>(operation: (prisma: PrismaClient) => Promise<T>): Promise<T>;
  /** READ COMMITTED; rolled back when `work` throws. A commit that fails leaves the outcome open and throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Connections of the pool now, and calls that wait for one. */
  gauges(): PoolGauges;
  /** A connection outside the pool, not yet connected; the caller ends it. */
  newClient(): pg.Client;
}

const ACQUIRE_TIMEOUT_MS = 5_000;
const CLIENT_TIMEOUT_MARGIN_MS = 2_000;
const IDLE_CONNECTION_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5_000;
const INT8 = 20;

/** Connects lazily: an unreachable database shows in `health` and in calls, not here. */
export function openPostgres(options: PostgresOptions): Database {
  const config: pg.PoolConfig = {
    connectionString: options.url,
    application_name: 'multidb-ai',
    keepAlive: true,
    // Both the wait for a pool slot and the connect itself; the default is for ever.
    connectionTimeoutMillis: options.acquireTimeoutMs ?? ACQUIRE_TIMEOUT_MS,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + CLIENT_TIMEOUT_MARGIN_MS,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    types: { getTypeParser },
  };
  const pool = new pg.Pool({ ...config, max: options.poolSizeMax, idleTimeoutMillis: IDLE_CONNECTION_MS });
  // An idle connection that dies is replaced by the pool; unhandled, this event would end the process.
  pool.on('error', (error) => options.log.warn({ reason: error.message }, 'idle database connection lost'));
  const query = queryOn(pool);
  let prisma: Promise<PrismaClient> | undefined;
  return {
    pool,
    query,
    orm: async (operation) => {
      prisma ??= loadPrisma(pool);
      return mapped(operation(await prisma));
    },
    transaction: (work) => transaction(pool, work),
    gauges: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    newClient: () => new pg.Client(config),
    health: async (signal) => {
      await unlessAborted(query({ name: 'health', text: 'SELECT 1' }, []), signal);
    },
    close: async () => close(pool, await prisma),
  };
}

function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === INT8) return parseInt8;
  return oid === TIMESTAMPTZ ? parseTimestamp : pg.types.getTypeParser(oid, format ?? 'text');
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit a number`);
  return value;
}

/** At the first use: its engine takes memory and start-up time that a process may never need. */
async function loadPrisma(pool: pg.Pool): Promise<PrismaClient> {
  const [{ PrismaPg }, { PrismaClient }] = await Promise.all([
    import('@prisma/adapter-pg'),
    import('./generated/client.ts'),
  ]);
  return new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' });
}

async function mapped<T>(outcome: Promise<T>): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    throw toDomainError(error);
  }
}

function queryOn(target: pg.Pool | pg.PoolClient): Query {
  return async ({ name, text }, values) =>
    (await mapped(target.query<Record<string, unknown>>({ name, text, values: [...values] }))).rows;
}

async function transaction<T>(pool: pg.Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const client = await mapped(pool.connect());
  let broken: Error | undefined;
  // The pool listens only while a connection is idle; a loss in between arrives here and at the pending query.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await mapped(client.query('BEGIN'));
    const result = await work(queryOn(client));
    await mapped(client.query('COMMIT'));
    return result;
  } catch (error) {
    // A connection that cannot roll back is not given back: its transaction ends with it.
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

async function unlessAborted<T>(outcome: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([outcome, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Waits for running statements, but not for ever: a process that stops must stop. Repeating it is harmless. */
async function close(pool: pg.Pool, prisma: PrismaClient | undefined): Promise<void> {
  if (pool.ending) return;
  await prisma?.$disconnect();
  const deadline = AbortSignal.timeout(CLOSE_TIMEOUT_MS);
  await unlessAborted(pool.end(), deadline).catch((error: unknown) => {
    if (!deadline.aborted) throw error;
  });
}
