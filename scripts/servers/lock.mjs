import { openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './process.mjs';

const RETRY_MS = 200;

/** One start or stop at a time; a lock whose holder died is taken over. */
export async function withLock(path, work) {
  for (;;) {
    try {
      writeSync(openSync(path, 'wx'), String(process.pid));
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(readFileSync(path, { encoding: 'utf8', flag: 'a+' }));
      if (holder > 0 && !isAlive(holder)) rmSync(path, { force: true });
      else await sleep(RETRY_MS);
    }
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  await work();
}
