import { execFile, type SpawnOptions } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** PostgreSQL refuses to run as root. Three ways not to be root, in the order in which they are preferred. */
export type RunAs =
  | { readonly kind: 'self' }
  /**
   * A user namespace in which root is called nobody: files stay root's outside, so that it also enters a folder with
   * mode 0700 (a home, what mktemp makes), which no other user could.
   */
  | { readonly kind: 'namespace' }
  /** Another user of the system, where namespaces are forbidden (most containers). */
  | { readonly kind: 'user'; readonly uid: number; readonly gid: number };

const NOBODY = 65_534;
const NAMESPACE_FLAGS = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];
const PROBE_TIMEOUT_MS = 5_000;
/** Nothing of our own environment reaches PostgreSQL: it holds keys. */
const BASE_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

export async function chooseRunAs(): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  if (await canMakeNamespace()) return { kind: 'namespace' };
  return findServiceUser(await readFile('/etc/passwd', 'utf8').catch(() => ''));
}

async function canMakeNamespace(): Promise<boolean> {
  try {
    const options = { timeout: PROBE_TIMEOUT_MS, env: BASE_ENVIRONMENT };
    const { stdout } = await promisify(execFile)('unshare', [...NAMESPACE_FLAGS, 'id', '-u'], options);
    return stdout.trim() === String(NOBODY);
  } catch {
    return false;
  }
}

/** `postgres` if the system has it, else `nobody`. */
export function findServiceUser(passwd: string): RunAs {
  for (const name of ['postgres', 'nobody']) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(passwd) ?? [];
    if (uid !== undefined && gid !== undefined && uid !== '0') {
      return { kind: 'user', uid: Number(uid), gid: Number(gid) };
    }
  }
  return { kind: 'user', uid: NOBODY, gid: NOBODY };
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions & { readonly env: NodeJS.ProcessEnv };
}

/** How to spawn a program of PostgreSQL; the caller adds stdio, folder and signal. */
export function commandAs(
  runAs: RunAs,
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Command {
  const env = { ...BASE_ENVIRONMENT, ...environment };
  if (runAs.kind === 'namespace') {
    return { file: 'unshare', args: [...NAMESPACE_FLAGS, file, ...args], options: { env } };
  }
  const identity = runAs.kind === 'user' ? { uid: runAs.uid, gid: runAs.gid } : {};
  return { file, args, options: { env, ...identity } };
}
