import type { DatabaseSync } from 'node:sqlite';
import type { Lifecycle } from '../../../domain/ports/system.ts';
import { unlessAborted } from '../abortable.ts';
import { GroupCommitWriter } from './group-commit-writer.ts';
import { openDatabase } from './open-database.ts';
import { SERVING_SCHEMA, type Write } from './serving-schema.ts';
import { fromSqliteError } from './sqlite-error.ts';
import { Statements } from './statements.ts';

/** The file of chat log and run events: written by a thread in groups, read here (a page of it takes about 50 µs). */
export class ServingDatabase implements Lifecycle {
  readonly #path: string;
  readonly #reader: DatabaseSync;
  readonly #statements: Statements;
  readonly #writer: GroupCommitWriter;
  readonly #closing = new AbortController();

  /** Throws STORE_UNAVAILABLE when the file is damaged or cannot be written. */
  constructor(path: string) {
    this.#path = path;
    this.#reader = openDatabase({ path, ...SERVING_SCHEMA });
    this.#reader.exec('PRAGMA query_only = ON');
    this.#statements = new Statements(this.#reader);
    this.#writer = new GroupCommitWriter(path);
  }

  /** See `GroupCommitWriter`. */
  commit(writes: readonly Write[]): Promise<void> {
    return this.#writer.commit(writes);
  }

  get failureCount(): number {
    return this.#writer.failureCount;
  }

  /** Aborted when the closing begins: housekeeping ends with its database. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Reads what is committed. Throws STORE_UNAVAILABLE when the file turns out to be damaged. */
  read<T>(query: (statements: Statements) => T): T {
    try {
      return query(this.#statements);
    } catch (error) {
      throw fromSqliteError(this.#path, error);
    }
  }

  async health(signal: AbortSignal): Promise<void> {
    this.read((statements) => statements.get('SELECT 1'));
    await unlessAborted(this.commit([]), signal);
  }

  /** What was committed so far is written first. Repeating it is harmless. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#writer.close();
    this.#reader.close();
  }
}
