import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Log } from '../../../../src/domain/ports/system.ts';

const folders: string[] = [];
const cleanups: (() => Promise<void> | void)[] = [];

/** A new folder of mode 0700, removed after the test, after everything that `cleanUp` was given. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'multidb-test-'));
  folders.push(folder);
  return folder;
}

/** Modes do not bind root; there it is a file system that nobody can make a file on. */
export async function unwritableFolder(): Promise<string> {
  if (process.getuid?.() === 0) return '/sys';
  const folder = await temporaryFolder();
  await chmod(folder, 0o500);
  cleanUp(() => chmod(folder, 0o700));
  return folder;
}

export function cleanUp(work: () => Promise<void> | void): void {
  cleanups.push(work);
}

afterEach(async () => {
  for (const work of cleanups.splice(0).reverse()) await work();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
