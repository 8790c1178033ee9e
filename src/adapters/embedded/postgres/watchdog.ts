/**
 * A process of its own that outlives everybody who uses the embedded PostgreSQL, and stops it when nobody does.
 * Holders share a lock that the kernel drops with them, so a `kill -9` counts as leaving; a restart within the grace
 * finds PostgreSQL still running. Arguments: the folder of the locks, the data folder.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockFile } from '../file-lock.ts';
import { HOLDERS_LOCK, WATCHDOG_LOCK } from './locks.ts';
import { stopPostmaster } from './postmaster.ts';

const LOOK_MS = 500;
/** How many looks in a row must find no holder: the grace for a restart. */
const FREE_LOOKS = 4;

async function watch(lockFolder: string, dataFolder: string): Promise<void> {
  // Made by our starter. Where they are missing the folder has been removed, and nothing may come back.
  const only = new LockFile(join(lockFolder, WATCHDOG_LOCK), { mustExist: true });
  if (!only.tryExclusive()) return;
  const holders = new LockFile(join(lockFolder, HOLDERS_LOCK), { mustExist: true });
  await untilNobodyHolds(holders);
  // Whoever arrives now waits for the lock, and then starts PostgreSQL anew.
  await stopPostmaster(dataFolder);
  holders.close();
  only.close();
}

/** Returns holding the lock. */
async function untilNobodyHolds(holders: LockFile): Promise<void> {
  for (let free = 0; ; holders.release()) {
    await sleep(LOOK_MS);
    free = holders.tryExclusive() ? free + 1 : 0;
    if (free >= FREE_LOOKS) return;
  }
}

const [lockFolder, dataFolder] = process.argv.slice(2);
if (lockFolder !== undefined && dataFolder !== undefined) await watch(lockFolder, dataFolder);
