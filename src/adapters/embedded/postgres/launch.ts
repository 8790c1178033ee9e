import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { type Endpoint, freeLoopbackPort, listenFlags } from './endpoint.ts';
import { explainFailure, isPortTaken, isTransient } from './failure.ts';
import { readPostmasterFile, stopPostmaster } from './postmaster.ts';
import { commandAs } from './run-as.ts';

const READY_POLL_MS = 10;
/** Recovery after a power loss replays at most `max_wal_size`; seconds, not minutes. */
const START_TIMEOUT_MS = 120_000;
/** Predecessors that are still going away, ports that were taken in the meantime. */
const ATTEMPTS_MAX = 20;
const RETRY_MS = 250;
const LOG_BYTES_MAX = 4 * 1024 * 1024;
const LOG_TAIL_BYTES = 16 * 1024;

/** Small, because the folder serves one node; durable, because that is what it is for. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  max_connections: 50,
  shared_buffers: '32MB',
  synchronous_commit: 'on',
  fsync: 'on',
  // No replicas: the least log that still recovers everything.
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  // No helper processes for reads, none for parallel plans, no compiler.
  io_method: 'sync',
  max_parallel_workers_per_gather: 0,
  max_logical_replication_workers: 0,
  jit: 'off',
  unix_socket_permissions: '0700',
  // Statements and row values are content and have no place in a log.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/**
 * Starts PostgreSQL in a session of its own, so that neither Ctrl-C nor our death reaches it, and resolves when it
 * takes connections; returns where. Throws STORE_UNAVAILABLE in one sentence, or the signal's reason.
 */
export async function launchPostmaster(
  cluster: Cluster,
  wanted: Endpoint,
  signal: AbortSignal,
): Promise<Endpoint> {
  await rotateLog(cluster.logFile);
  let endpoint = wanted;
  let output = '';
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const outcome = await attemptLaunch(cluster, endpoint, signal);
    if (outcome === 'ready') return endpoint;
    output = outcome;
    if (endpoint.kind === 'loopback' && isPortTaken(output)) endpoint = await freeLoopbackPort();
    else if (isTransient(output)) await sleep(RETRY_MS, undefined, { signal });
    else break;
  }
  throw explainFailure('start', output, cluster.logFile);
}

/** 'ready', or what PostgreSQL wrote before it ended. */
async function attemptLaunch(cluster: Cluster, endpoint: Endpoint, signal: AbortSignal): Promise<string> {
  const logStart = await stat(cluster.logFile).then(
    (entry) => entry.size,
    () => 0,
  );
  const child = spawnPostmaster(cluster, endpoint);
  const ended = new AbortController();
  let spawnError = '';
  child.once('error', (error) => {
    spawnError = error.message;
    ended.abort();
  });
  child.once('exit', () => ended.abort());
  try {
    await untilReady(child, cluster, AbortSignal.any([signal, ended.signal]));
    return 'ready';
  } catch (error) {
    if (ended.signal.aborted) return `${spawnError}\n${await readTail(cluster.logFile, logStart)}`;
    await stopPostmaster(cluster.dataFolder);
    throw error;
  } finally {
    // From here on it lives by itself; our event loop does not wait for it.
    child.unref();
  }
}

function spawnPostmaster(cluster: Cluster, endpoint: Endpoint): ChildProcess {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const args = ['-D', cluster.dataFolder, ...listenFlags(endpoint), ...settings];
  const command = commandAs(cluster.runAs, cluster.binaries.postgres, args, cluster.environment);
  const log = openSync(cluster.logFile, 'a', 0o600);
  try {
    const stdio = ['ignore', log, log] as const;
    return spawn(command.file, [...command.args], {
      ...command.options,
      cwd: cluster.folder,
      detached: true,
      stdio: [...stdio],
    });
  } finally {
    closeSync(log);
  }
}

/** The pid file's last line says when it takes connections; nothing has to be parsed out of a log. */
async function untilReady(child: ChildProcess, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const file = readPostmasterFile(cluster.dataFolder);
    if (file?.pid === child.pid && file?.status === 'ready') return;
    if (performance.now() > deadline) throw explainFailure('start', 'it took too long', cluster.logFile);
    await sleep(READY_POLL_MS, undefined, { signal });
  }
}

async function rotateLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (entry) => entry.size,
    () => 0,
  );
  if (size < LOG_BYTES_MAX) return;
  await rm(`${path}.1`, { force: true });
  await rename(path, `${path}.1`);
}

async function readTail(path: string, start: number): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(start, size - LOG_TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    await handle.read(buffer, 0, buffer.length, from);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}
