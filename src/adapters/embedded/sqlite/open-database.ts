import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { storageError } from '../storage-error.ts';
import { fromSqliteError } from './sqlite-error.ts';

export interface DatabaseSchema {
  /** Marks the file as ours and of this kind (`PRAGMA application_id`). */
  readonly applicationId: number;
  /** Forward only; `user_version` is the number of those that ran. Each runs in one transaction. */
  readonly migrations: readonly string[];
}
export interface OpenDatabaseOptions extends DatabaseSchema {
  readonly path: string;
}

/** Another thread's or process's write transaction; ours are far shorter. */
const BUSY_TIMEOUT_MS = 10_000;
const CACHE_KIBIBYTES = 8 * 1_024;
const WAL_BYTES_KEPT_MAX = 64 * 1_024 * 1_024;
/** A whole check reads the whole file: done where it costs milliseconds, else damage shows when it is met. */
const CHECKED_BYTES_MAX = 16 * 1_024 * 1_024;

/**
 * Opens or makes a database that is durable on power loss: WAL with a sync at every commit. Throws STORE_UNAVAILABLE
 * in one sentence when the file is damaged, of another kind or newer version, or cannot be written.
 */
export function openDatabase({ path, applicationId, migrations }: OpenDatabaseOptions): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -${CACHE_KIBIBYTES}; PRAGMA journal_size_limit = ${WAL_BYTES_KEPT_MAX}`);
    migrate(database, { path, applicationId, migrations });
    checkIntegrity(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw fromSqliteError(path, error);
  }
}

/** A second connection, of a thread that only reads; the file has been opened and migrated before. */
export function openReader(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    // Not opened read-only: a reader of a WAL must be able to write its shared index.
    database.exec(
      `PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIBIBYTES}`,
    );
    return database;
  } catch (error) {
    throw fromSqliteError(path, error);
  }
}

/** `work` in one transaction that is written at once or not at all. Not to be nested. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function migrate(database: DatabaseSync, { path, applicationId, migrations }: OpenDatabaseOptions): void {
  if (readPragma(database, 'user_version') === migrations.length) {
    checkKind(database, path, applicationId);
    return;
  }
  // Two processes may open a new folder at once: the second one finds the work done.
  inTransaction(database, () => {
    const version = readPragma(database, 'user_version');
    if (version > migrations.length) {
      throw storageError(`${path} was written by a newer version of this program (schema ${version}).`);
    }
    if (version > 0) checkKind(database, path, applicationId);
    else checkEmpty(database, path);
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`);
  });
}

function checkKind(database: DatabaseSync, path: string, applicationId: number): void {
  if (readPragma(database, 'application_id') !== applicationId) {
    throw storageError(`${path} is a database of another program.`);
  }
}

function checkEmpty(database: DatabaseSync, path: string): void {
  const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {};
  if (tables !== 0) throw storageError(`${path} is a database of another program.`);
}

function checkIntegrity(database: DatabaseSync, path: string): void {
  if (statSync(path).size > CHECKED_BYTES_MAX) return;
  const { quick_check: verdict } = database.prepare('PRAGMA quick_check(1)').get() ?? {};
  if (verdict !== 'ok') {
    throw storageError(
      `${path} is damaged (${String(verdict)}); restore it from a backup of the data folder.`,
    );
  }
}

function readPragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
