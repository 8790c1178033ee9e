import type { DatabaseSchema } from './open-database.ts';

/** Chat log and run events share a file, and so one sync to disk. Only the serving role writes it. */
export const SERVING_SCHEMA: DatabaseSchema = {
  applicationId: 0x6d_64_62_01,
  migrations: [
    `CREATE TABLE message (
       workspace_id TEXT NOT NULL, conversation_id TEXT NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL,
       UNIQUE (workspace_id, conversation_id, position)) STRICT;
     CREATE TABLE answer (
       workspace_id TEXT NOT NULL, run_id TEXT NOT NULL, events TEXT NOT NULL,
       UNIQUE (workspace_id, run_id)) STRICT;
     CREATE TABLE run_log (
       key INTEGER PRIMARY KEY, workspace_id TEXT NOT NULL, run_id TEXT NOT NULL, generation INTEGER NOT NULL,
       retire_at INTEGER, UNIQUE (workspace_id, run_id)) STRICT;
     CREATE INDEX run_log_retired ON run_log (retire_at) WHERE retire_at IS NOT NULL;
     CREATE TABLE run_event (
       log_key INTEGER NOT NULL, first_sequence INTEGER NOT NULL, events TEXT NOT NULL,
       PRIMARY KEY (log_key, first_sequence)) STRICT, WITHOUT ROWID`,
    // Results of the steps that came with a batch of events; gone when the run is settled.
    `CREATE TABLE run_step (
       log_key INTEGER NOT NULL, first_sequence INTEGER NOT NULL, results TEXT NOT NULL,
       PRIMARY KEY (log_key, first_sequence)) STRICT, WITHOUT ROWID`,
  ],
};

/** All writes, by name: the writing thread prepares each once. Every one is harmless when repeated. */
export const WRITES = {
  putMessage:
    'INSERT INTO message (workspace_id, conversation_id, position, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  putAnswer: 'INSERT INTO answer (workspace_id, run_id, events) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  putLog: `INSERT INTO run_log (key, workspace_id, run_id, generation) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET generation = max(generation, excluded.generation)`,
  putEvents: 'INSERT INTO run_event (log_key, first_sequence, events) VALUES (?, ?, ?)',
  putSteps: 'INSERT INTO run_step (log_key, first_sequence, results) VALUES (?, ?, ?)',
  removeSteps: 'DELETE FROM run_step WHERE log_key = ?',
  retireLog: 'UPDATE run_log SET retire_at = ? WHERE key = ?',
  removeEvents: 'DELETE FROM run_event WHERE log_key = ?',
  removeLog: 'DELETE FROM run_log WHERE key = ?',
} as const;

export type Write = readonly [statement: keyof typeof WRITES, ...values: (string | number | null)[]];
