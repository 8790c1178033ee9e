import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, chmod, cp, lchown, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../../../domain/ports/system.ts';
import { createFile, makeFolder, syncFolder } from '../durable-file.ts';
import { errorCode, fromFileError, storageError } from '../storage-error.ts';
import { binariesIn, POSTGRES_MAJOR_VERSION, type PostgresBinaries, prepareBinaries } from './binaries.ts';
import { DATABASE_USER } from './endpoint.ts';
import { explainFailure } from './failure.ts';
import { commandAs, type RunAs } from './run-as.ts';

/** A place for one PostgreSQL cluster, and what it takes to run programs on it. */
export interface Cluster {
  readonly folder: string;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly password: string;
  readonly binaries: PostgresBinaries;
  readonly environment: Readonly<Record<string, string>>;
  readonly runAs: RunAs;
}

interface OpenClusterOptions {
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly runAs: RunAs;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const INITDB_TIMEOUT_MS = 120_000;
const PASSWORD_BYTES = 24;
/** Where another user's cluster and programs go when that user cannot reach ours. */
const SYSTEM_FOLDER = '/var/lib/multidb-ai';

/** Finds the cluster, or makes it. The caller holds the start lock. Throws STORE_UNAVAILABLE in one sentence. */
export async function openCluster(options: OpenClusterOptions): Promise<Cluster> {
  const { runAs, log, signal } = options;
  try {
    const folder = await placeFor(options);
    const binaries = await reachableBinaries(options.binaries, runAs);
    const environment = await prepareBinaries(binaries, join(folder, 'lib'));
    const cluster: Cluster = {
      folder,
      dataFolder: join(folder, 'data'),
      logFile: join(folder, 'postgres.log'),
      password: await keepPassword(join(folder, 'password')),
      binaries,
      environment,
      runAs,
    };
    await ensureOwner(folder, runAs);
    if (await isMissing(cluster.dataFolder)) await initialise(cluster, log, signal);
    await checkVersion(cluster.dataFolder);
    return cluster;
  } catch (error) {
    signal.throwIfAborted();
    throw fromFileError(options.folder, error);
  }
}

/** The folder itself, unless it has to be another user's and that user cannot get there. */
async function placeFor({ folder, runAs, log }: OpenClusterOptions): Promise<string> {
  let place = join(folder, 'cluster');
  if (runAs.kind === 'user' && !(await openUpwards(folder))) {
    const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
    place = join(SYSTEM_FOLDER, name);
    log.warn(
      { folder, place, uid: runAs.uid },
      'PostgreSQL keeps its files elsewhere: its user cannot enter the data folder',
    );
    await makeFolder(SYSTEM_FOLDER);
    await chmod(SYSTEM_FOLDER, 0o755);
  }
  await makeFolder(place);
  return place;
}

/** Lets others pass (not look) through our own two folders; false when a folder above them does not. */
async function openUpwards(folder: string): Promise<boolean> {
  if (!(await passable(dirname(dirname(folder))))) return false;
  for (const own of [folder, dirname(folder)]) await chmod(own, 0o711);
  return true;
}

async function passable(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

async function reachableBinaries(binaries: PostgresBinaries, runAs: RunAs): Promise<PostgresBinaries> {
  if (runAs.kind !== 'user' || (await passable(dirname(binaries.postgres)))) return binaries;
  const size = (await stat(binaries.postgres)).size;
  const copy = join(SYSTEM_FOLDER, `native-${POSTGRES_MAJOR_VERSION}-${size}`);
  if (await isMissing(copy)) {
    const unfinished = `${copy}.${process.pid}.tmp`;
    await cp(binaries.nativeFolder, unfinished, { recursive: true, verbatimSymlinks: true });
    await rename(unfinished, copy);
  }
  return binariesIn(copy);
}

async function keepPassword(file: string): Promise<string> {
  await createFile(file, randomBytes(PASSWORD_BYTES).toString('base64url'));
  const password = (await readFile(file, 'utf8')).trim();
  if (password === '') throw storageError(`${file} is damaged; restore it from a backup of the data folder.`);
  return password;
}

/** As root the cluster belongs to whom PostgreSQL runs as, also after that has changed. */
async function ensureOwner(folder: string, runAs: RunAs): Promise<void> {
  if (runAs.kind === 'self') return;
  const [uid, gid] = runAs.kind === 'user' ? [runAs.uid, runAs.gid] : [0, 0];
  const owner = (await stat(join(folder, 'data')).catch(() => undefined))?.uid;
  // A whole tree changes hands rarely; looking at each file at each start would cost more than the start.
  const changed = owner !== undefined && owner !== uid;
  const names = changed ? await readdir(folder, { recursive: true }) : ['password'];
  for (const name of ['', ...names]) await lchown(join(folder, name), uid, gid);
}

async function initialise(cluster: Cluster, log: Log, signal: AbortSignal): Promise<void> {
  const unfinished = `${cluster.dataFolder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const args = [
    ...['-D', unfinished, `--username=${DATABASE_USER}`, `--pwfile=${join(cluster.folder, 'password')}`],
    // The built-in provider sorts the same on every system, whatever locales it has.
    ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin'],
    ...['--builtin-locale=C.UTF-8', '--no-instructions'],
  ];
  const startedAt = performance.now();
  await runInitdb(cluster, args, signal);
  await rename(unfinished, cluster.dataFolder);
  await syncFolder(cluster.folder);
  log.info({ elapsedMs: Math.round(performance.now() - startedAt) }, 'PostgreSQL cluster made');
}

function runInitdb(cluster: Cluster, args: readonly string[], signal: AbortSignal): Promise<void> {
  const {
    file,
    args: all,
    options,
  } = commandAs(cluster.runAs, cluster.binaries.initdb, args, cluster.environment);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const limits = { cwd: cluster.folder, timeout: INITDB_TIMEOUT_MS, signal, encoding: 'utf8' as const };
  const identity = { env: options.env, ...('uid' in options ? { uid: options.uid, gid: options.gid } : {}) };
  execFile(file, [...all], { ...identity, ...limits }, (error, _stdout, stderr) => {
    if (error === null) resolve();
    else if (error.killed === true) reject(explainFailure('be set up', 'it took too long'));
    else
      reject(signal.aborted ? signal.reason : explainFailure('be set up', `${stderr}\n${errorCode(error)}`));
  });
  return promise;
}

/** Throws, in one sentence, for data that this PostgreSQL cannot read. */
export async function checkVersion(dataFolder: string): Promise<void> {
  const version = (await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === POSTGRES_MAJOR_VERSION) return;
  throw version === ''
    ? storageError(`${dataFolder} is damaged (no PG_VERSION); restore the data folder from a backup.`)
    : storageError(
        `${dataFolder} was written by PostgreSQL ${version}; this program carries PostgreSQL ${POSTGRES_MAJOR_VERSION}.`,
      );
}

function isMissing(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return true;
      throw error;
    },
  );
}
