/** The one thread that writes the serving database: a group of writes is one transaction and one sync to disk. */
import type { StatementSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';
import { inTransaction, openDatabase } from './open-database.ts';
import { SERVING_SCHEMA, WRITES, type Write } from './serving-schema.ts';
import { serveThread } from './thread-server.ts';

const { path } = workerData as { readonly path: string };
const database = openDatabase({ path, ...SERVING_SCHEMA });
const statements = new Map<string, StatementSync>();
for (const [name, sql] of Object.entries(WRITES)) statements.set(name, database.prepare(sql));

const operations = {
  commit(writes: readonly Write[]): void {
    inTransaction(database, () => {
      for (const [name, ...values] of writes) statements.get(name)?.run(...values);
    });
  },
};
export type CommitOperations = typeof operations;

serveThread(path, operations);
