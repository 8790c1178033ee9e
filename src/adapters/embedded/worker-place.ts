import { join } from 'node:path';
import { LockFile } from './file-lock.ts';

/** A worker's seat at a data folder. */
export interface WorkerPlace {
  /** No other worker is alive: what dead ones had claimed may be taken at once. */
  readonly alone: boolean;
  /** Repeating it is harmless. */
  leave(): void;
}

/**
 * Takes one of any number of seats. Two that come at the same moment may both be told they are alone; that costs a
 * repeated attempt of a job, which every stage allows.
 */
export function takeWorkerPlace(folder: string): WorkerPlace {
  const file = new LockFile(join(folder, 'work.lock'));
  const alone = file.tryExclusive();
  file.release();
  file.tryShared();
  return { alone, leave: () => file.close() };
}
