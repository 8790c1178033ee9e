import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { DomainError } from '../../domain/errors.ts';
import { fromFileError } from './storage-error.ts';

const SQLITE_BUSY = 5;
const RETRY_MS = 20;
/** Keeps open lock files from the garbage collector, which would close them and give up their locks. */
const opened = new Set<DatabaseSync>();

/**
 * An advisory lock of the operating system, taken through SQLite, which is the one part of Node.js that can. The kernel
 * drops it with the process, so a `kill -9` leaves nothing stale behind and no process id has to be believed.
 * The file stays empty; only SQLite may open it, since closing any other descriptor of it would drop the lock.
 */
export class LockFile {
  readonly #path: string;
  readonly #database: DatabaseSync;

  /** Makes the file unless `mustExist`: a latecomer must not bring back a folder that is being removed. */
  constructor(path: string, options: { readonly mustExist: boolean } = { mustExist: false }) {
    this.#path = path;
    const url = pathToFileURL(path);
    url.searchParams.set('mode', options.mustExist ? 'rw' : 'rwc');
    try {
      this.#database = new DatabaseSync(url, { timeout: 0 });
    } catch (error) {
      throw fromFileError(path, error);
    }
    opened.add(this.#database);
  }

  /** False: somebody holds it, exclusively or shared. */
  tryExclusive(): boolean {
    return this.#try('BEGIN EXCLUSIVE');
  }

  /** Any number may share. False: somebody holds it exclusively. */
  tryShared(): boolean {
    // A read inside a transaction keeps the shared lock until the transaction ends.
    return this.#try('BEGIN; SELECT count(*) FROM sqlite_master');
  }

  /** Gives up the lock and keeps the file open for another try. */
  release(): void {
    if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** Gives up the lock and the file; repeating it is harmless. */
  close(): void {
    if (opened.delete(this.#database)) this.#database.close();
  }

  #try(sql: string): boolean {
    try {
      // Nothing is ever written: no journal file beside the lock.
      this.#database.exec(`PRAGMA journal_mode = MEMORY; ${sql}`);
      return true;
    } catch (error) {
      this.release();
      if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
      throw fromFileError(this.#path, error);
    }
  }
}

/** A lock that is held until `close`; undefined: somebody else has it. */
export function tryLock(path: string, kind: 'exclusive' | 'shared'): LockFile | undefined {
  const file = new LockFile(path);
  try {
    if (kind === 'exclusive' ? file.tryExclusive() : file.tryShared()) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

interface WaitOptions {
  readonly kind: 'exclusive' | 'shared';
  readonly waitMs: number;
  /** What the caller waits for, for the error's sentence. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Asks again until the lock is there. Throws DEADLINE_EXCEEDED after `waitMs`, or the signal's reason. */
export async function waitForLock(
  path: string,
  { kind, waitMs, what, signal }: WaitOptions,
): Promise<LockFile> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    signal.throwIfAborted();
    const lock = tryLock(path, kind);
    if (lock !== undefined) return lock;
    if (performance.now() > deadline) {
      throw new DomainError('DEADLINE_EXCEEDED', `Waited ${waitMs} ms in vain for ${what}.`);
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
