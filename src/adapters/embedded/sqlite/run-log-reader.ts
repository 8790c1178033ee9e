import type { RunId } from '../../../domain/ids.ts';
import type { StepResult } from '../../../domain/ports/runs.ts';
import type { RunEvent } from '../../../domain/run.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { decodeEvents, decodeSteps } from './run-event-codec.ts';
import type { Statements } from './statements.ts';

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
  statements: Statements,
  scope: WorkspaceScope,
  runId: RunId,
): StoredRunLog | undefined {
  const row = statements.get(FIND, scope.workspaceId, runId);
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
  WHERE log_key = ?1 AND first_sequence >= coalesce((
    SELECT max(first_sequence) FROM run_event WHERE log_key = ?1 AND first_sequence <= ?2), 0)
  ORDER BY first_sequence`;

/** At most `limit` stored events after a sequence, oldest first. */
export function readStoredEvents(
  statements: Statements,
  key: number,
  after: number,
  limit: number,
): RunEvent[] {
  const events: RunEvent[] = [];
  for (const { firstSequence, events: text } of statements.each(READ, key, after + 1)) {
    const batch = decodeEvents(String(text), Number(firstSequence));
    for (const event of batch) if (event.sequence > after) events.push(event);
    if (events.length >= limit) break;
  }
  return events.slice(0, limit);
}

export function readStoredSteps(statements: Statements, key: number): StepResult[] {
  const sql = 'SELECT results FROM run_step WHERE log_key = ? ORDER BY first_sequence';
  return statements.all(sql, key).flatMap(({ results }) => decodeSteps(String(results)));
}

export function lastRunLogKey(statements: Statements): number {
  const { last } = statements.get('SELECT coalesce(max(key), 0) AS last FROM run_log') ?? {};
  return Number(last);
}

/** Keys of logs whose time is over. */
export function findRetired(statements: Statements, now: number, limit: number): number[] {
  const sql = 'SELECT key FROM run_log WHERE retire_at <= ? LIMIT ?';
  return statements.all(sql, now, limit).map(({ key }) => Number(key));
}
