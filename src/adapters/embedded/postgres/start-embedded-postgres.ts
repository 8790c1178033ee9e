import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Log } from '../../../domain/ports/system.ts';
import { makeFolder } from '../durable-file.ts';
import { LockFile, tryLock, waitForLock } from '../file-lock.ts';
import { fromFileError } from '../storage-error.ts';
import { findBinaries, type PostgresBinaries } from './binaries.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { chooseEndpoint, connectionUrl, DATABASE_NAME, type Endpoint } from './endpoint.ts';
import { explainFailure } from './failure.ts';
import { launchPostmaster } from './launch.ts';
import { HOLDERS_LOCK, START_LOCK, WATCHDOG_LOCK } from './locks.ts';
import { isPostmaster, readPostmasterFile, removePostmasterFile, stopPostmaster } from './postmaster.ts';
import { Revival } from './revival.ts';
import { chooseRunAs, type RunAs } from './run-as.ts';

interface EmbeddedPostgresOptions {
  /** Of its own, made if missing; shared by all processes that use this PostgreSQL. */
  readonly folder: string;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Default: the binaries of this platform. */
  readonly binaries?: PostgresBinaries | undefined;
  /** Default: chosen by what the system allows. */
  readonly runAs?: RunAs | undefined;
}
export interface EmbeddedPostgres {
  /** Connection URL of the database `multidb`; holds the password. Stays valid until `close`. */
  readonly url: string;
  /** Stops PostgreSQL if nobody else uses it. Repeating it is harmless. */
  close(): Promise<void>;
}

/** Longer than PostgreSQL's own shutdown, which a newcomer may have to wait for. */
const HOLDERS_WAIT_MS = 60_000;
/** Longer than making, starting and recovering a cluster takes another process. */
const START_WAIT_MS = 180_000;
const ADOPT_WAIT_MS = 60_000;
const ADOPT_POLL_MS = 25;
const CONNECT_TIMEOUT_MS = 10_000;
/** The watchdog's look at the lock takes microseconds; it must not keep the last one from stopping PostgreSQL. */
const LAST_ONE_ATTEMPTS = 5;
const LAST_ONE_RETRY_MS = 20;

/**
 * Makes, starts or adopts the PostgreSQL of a folder. Whoever comes first starts it, others join; it survives the
 * `kill -9` of any of them and is stopped when the last one left. Throws STORE_UNAVAILABLE or DEADLINE_EXCEEDED in one
 * sentence, within bounded time.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { folder, log, signal = new AbortController().signal } = options;
  const binaries = options.binaries ?? findBinaries();
  const runAs = options.runAs ?? (await chooseRunAs());
  await makeFolder(folder).catch((error: unknown) => {
    throw fromFileError(folder, error);
  });
  const holder = await waitForLock(join(folder, HOLDERS_LOCK), {
    kind: 'shared',
    waitMs: HOLDERS_WAIT_MS,
    what: 'the embedded PostgreSQL to stop',
    signal,
  });
  let cluster: Cluster | undefined;
  try {
    const opened = await underStartLock(folder, signal, async () => {
      cluster = await openCluster({ folder, binaries, runAs, log, signal });
      // First the watchdog: from its first moment on PostgreSQL has somebody who stops it.
      spawnWatchdog(folder, cluster.dataFolder);
      const endpoint = await ensureRunning(cluster, log, signal);
      await ensureDatabase(cluster, endpoint);
      return { cluster, endpoint };
    });
    return running({ folder, log, holder, ...opened });
  } catch (error) {
    holder.close();
    if (cluster !== undefined) await stopIfLast(folder, cluster.dataFolder);
    throw error;
  }
}

interface RunningOptions {
  readonly folder: string;
  readonly log: Log;
  readonly holder: LockFile;
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
}

function running({ folder, log, holder, cluster, endpoint }: RunningOptions): EmbeddedPostgres {
  const revival = new Revival(cluster.dataFolder, log, (signal) =>
    underStartLock(folder, signal, async () => {
      spawnWatchdog(folder, cluster.dataFolder);
      await ensureRunning(cluster, log, signal, endpoint);
    }),
  );
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await revival.close();
    holder.close();
    await stopIfLast(folder, cluster.dataFolder);
  };
  return {
    url: connectionUrl(endpoint, cluster.password),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function underStartLock<T>(folder: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const lock = await waitForLock(join(folder, START_LOCK), {
    kind: 'exclusive',
    waitMs: START_WAIT_MS,
    what: 'another process that is starting the embedded PostgreSQL',
    signal,
  });
  try {
    return await work();
  } finally {
    lock.close();
  }
}

/** Joins the one that runs, else starts one. `wanted`: where it used to listen. */
async function ensureRunning(
  cluster: Cluster,
  log: Log,
  signal: AbortSignal,
  wanted?: Endpoint,
): Promise<Endpoint> {
  const startedAt = performance.now();
  const adopted = await adoptRunning(cluster, signal);
  if (adopted !== undefined) {
    log.info({ folder: cluster.folder }, 'joined the running PostgreSQL');
    return adopted;
  }
  const endpoint = await launchPostmaster(cluster, wanted ?? (await chooseEndpoint(cluster.folder)), signal);
  const elapsedMs = Math.round(performance.now() - startedAt);
  log.info({ folder: cluster.folder, listensOn: endpoint.kind, elapsedMs }, 'PostgreSQL started');
  return endpoint;
}

/** undefined: none runs. A number that belongs to somebody else by now is cleared away; PostgreSQL would refuse it. */
async function adoptRunning(cluster: Cluster, signal: AbortSignal): Promise<Endpoint | undefined> {
  const deadline = performance.now() + ADOPT_WAIT_MS;
  for (;;) {
    const file = readPostmasterFile(cluster.dataFolder);
    if (file === undefined) return undefined;
    if (!(await isPostmaster(file.pid, cluster.dataFolder))) {
      await removePostmasterFile(cluster.dataFolder, file.pid);
      return undefined;
    }
    if (file.status === 'ready') {
      return file.socketFolder === undefined
        ? { kind: 'loopback', port: file.port }
        : { kind: 'socket', folder: file.socketFolder, port: file.port };
    }
    if (performance.now() > deadline)
      throw explainFailure('be joined', `it stays ${file.status}`, cluster.logFile);
    await sleep(ADOPT_POLL_MS, undefined, { signal });
  }
}

async function ensureDatabase(cluster: Cluster, endpoint: Endpoint): Promise<void> {
  const client = new pg.Client({
    connectionString: connectionUrl(endpoint, cluster.password, 'postgres'),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
  });
  // A connection that breaks while idle must not end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE_NAME]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE_NAME}`);
  } catch (error) {
    throw explainFailure(
      'be reached',
      error instanceof Error ? error.message : String(error),
      cluster.logFile,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A second one finds the first one's lock and ends at once. */
function spawnWatchdog(folder: string, dataFolder: string): void {
  new LockFile(join(folder, WATCHDOG_LOCK)).close();
  const script = import.meta.url.endsWith('.ts') ? './watchdog.ts' : './watchdog.js';
  const path = fileURLToPath(new URL(script, import.meta.url));
  const flags = ['--max-old-space-size=32', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, path, folder, dataFolder], {
    cwd: folder,
    detached: true,
    env: {},
    stdio: 'ignore',
  });
  // Without a watchdog everything works but the cleaning up after a kill -9.
  child.once('error', () => undefined);
  child.unref();
}

async function stopIfLast(folder: string, dataFolder: string): Promise<void> {
  for (let attempt = 0; attempt < LAST_ONE_ATTEMPTS; attempt += 1) {
    const sole = tryLock(join(folder, HOLDERS_LOCK), 'exclusive');
    if (sole !== undefined) {
      try {
        await stopPostmaster(dataFolder);
      } finally {
        sole.close();
      }
      return;
    }
    await sleep(LAST_ONE_RETRY_MS);
  }
}
