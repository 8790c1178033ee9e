import { mkdtemp, rm } from 'node:fs/promises';
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

export function cleanUp(work: () => Promise<void> | void): void {
  cleanups.push(work);
}

afterEach(async () => {
  for (const work of cleanups.splice(0).reverse()) await work();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
