import type { DatabaseSync } from 'node:sqlite';
import type { RunId } from '../../../domain/ids.ts';
import type { RunEvent } from '../../../domain/run.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { decodeEvents } from './run-event-codec.ts';

/** What the file knows about a run's log; undefined: nothing. */
export interface StoredRunLog {
  readonly key: number;
  readonly generation: number;
  readonly retireAt: number | null;
  /** Sequence after the last stored event. */
  readonly next: number;
}

const FIND = `SELECT log.key, log.generation, log.retire_at AS retireAt, coalesce((
    SELECT first_sequence + json_array_length(events) FROM run_event
    WHERE log_key = log.key ORDER BY first_sequence DESC LIMIT 1), 0) AS next
  FROM run_log AS log WHERE workspace_id = ? AND run_id = ?`;

export function findRunLog(
  database: DatabaseSync,
  scope: WorkspaceScope,
  runId: RunId,
): StoredRunLog | undefined {
  const row = database.prepare(FIND).get(scope.workspaceId, runId);
  if (row === undefined) return undefined;
  const { key, generation, retireAt, next } = row;
  return {
    key: Number(key),
    generation: Number(generation),
    retireAt: retireAt === null ? null : Number(retireAt),
    next: Number(next),
  };
}

// The batch that holds the first asked event may begin before it.
const READ = `SELECT first_sequence AS firstSequence, events FROM run_event
  WHERE log_key = :key AND first_sequence >= coalesce((
    SELECT max(first_sequence) FROM run_event WHERE log_key = :key AND first_sequence <= :from), 0)
  ORDER BY first_sequence`;

/** At most `limit` stored events after a sequence, oldest first. */
export function readStoredEvents(
  database: DatabaseSync,
  key: number,
  after: number,
  limit: number,
): RunEvent[] {
  const events: RunEvent[] = [];
  for (const { firstSequence, events: text } of database.prepare(READ).iterate({ key, from: after + 1 })) {
    const batch = decodeEvents(String(text), Number(firstSequence));
    for (const event of batch) if (event.sequence > after) events.push(event);
    if (events.length >= limit) break;
  }
  return events.slice(0, limit);
}

export function lastRunLogKey(database: DatabaseSync): number {
  const { last } = database.prepare('SELECT coalesce(max(key), 0) AS last FROM run_log').get() ?? {};
  return Number(last);
}

/** Keys of logs whose time is over. */
export function findRetired(database: DatabaseSync, now: number, limit: number): number[] {
  const sql = 'SELECT key FROM run_log WHERE retire_at <= ? LIMIT ?';
  return database
    .prepare(sql)
    .all(now, limit)
    .map(({ key }) => Number(key));
}
