import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errorCode, storageError } from '../storage-error.ts';

/** PostgreSQL's own note of who runs on a data folder, and where it listens. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** undefined: it listens on loopback only. */
  readonly socketFolder: string | undefined;
  readonly status: string;
}

const POLL_MS = 20;
const PS_TIMEOUT_MS = 5_000;
/** Fast shutdown ends sessions and writes a checkpoint of at most `max_wal_size`. */
const FAST_STOP_MS = 30_000;
/** Immediate shutdown writes nothing; what was committed is recovered at the next start. */
const IMMEDIATE_STOP_MS = 10_000;

/** undefined: nobody runs there, or the file is only half written. */
export function readPostmasterFile(dataFolder: string): PostmasterFile | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8');
  } catch {
    return undefined;
  }
  // Lines: pid, data folder, start time, port, socket folder, listen address, shared memory key, status.
  const [pid, , , port, socketFolder, , , status] = text.split('\n');
  const parsed = Number(pid);
  if (!Number.isInteger(parsed) || parsed <= 0) return undefined;
  const folder = socketFolder?.trim();
  return {
    pid: parsed,
    port: Number(port ?? 0),
    socketFolder: folder === undefined || folder === '' ? undefined : folder,
    status: status?.trim() ?? '',
  };
}

/** Whether `pid` is a living postmaster of this data folder, and not some other process that was given its number. */
export async function isPostmaster(pid: number, dataFolder: string): Promise<boolean> {
  if (process.platform !== 'linux') return commandLineNames(await psCommand(pid), dataFolder);
  try {
    // A postmaster works in its data folder; the link follows a renamed folder, and a zombie has none.
    const [folder, own] = await Promise.all([readlink(`/proc/${pid}/cwd`), realpath(dataFolder)]);
    return folder === own && commandLineNames(await procCommand(pid));
  } catch {
    // Another user's process hides its folder, but not its command line.
    return commandLineNames(await procCommand(pid), dataFolder);
  }
}

function commandLineNames(command: string, dataFolder = ''): boolean {
  return basename(command.split(' ', 1)[0] ?? '') === 'postgres' && command.includes(dataFolder);
}

async function procCommand(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
}

async function psCommand(pid: number): Promise<string> {
  const options = { timeout: PS_TIMEOUT_MS };
  return promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)], options).then(
    ({ stdout }) => stdout,
    () => '',
  );
}

/**
 * Clears a pid file whose number belongs to a living process that is no postmaster of this folder: PostgreSQL itself
 * refuses to start then. A dead process's file stays, since PostgreSQL checks its shared memory before it takes over.
 */
export async function removePostmasterFile(dataFolder: string, pid: number): Promise<void> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return;
  }
  await rm(join(dataFolder, 'postmaster.pid'), { force: true });
}

/** Resolves when no postmaster runs on the folder any more; harmless if none did. Bounded by the two stop times. */
export async function stopPostmaster(dataFolder: string): Promise<void> {
  const pid = readPostmasterFile(dataFolder)?.pid;
  if (pid === undefined || !(await isPostmaster(pid, dataFolder))) return;
  if (await signalAndWait(pid, dataFolder, 'SIGINT', FAST_STOP_MS)) return;
  if (await signalAndWait(pid, dataFolder, 'SIGQUIT', IMMEDIATE_STOP_MS)) return;
  throw storageError(`The embedded PostgreSQL (process ${pid}) does not stop.`);
}

async function signalAndWait(
  pid: number,
  dataFolder: string,
  signal: NodeJS.Signals,
  waitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  try {
    process.kill(pid, signal);
  } catch {
    // Gone in the meantime: the loop sees it.
  }
  while (await isPostmaster(pid, dataFolder)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
