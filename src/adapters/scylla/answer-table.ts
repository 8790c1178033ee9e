import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { FinishedAnswer } from '../../domain/ports/runs.ts';
import type { RunEvent } from '../../domain/run.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { fromChunk, toChunks } from './event-chunks.ts';
import { damaged } from './message-rows.ts';
import type { ScyllaConnection, Statement } from './scylla-connection.ts';

const PUT_CHUNK: Statement = {
  cql: `INSERT INTO answer_events (workspace_id, run_id, last_sequence, first_sequence, events)
    VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`,
  isIdempotent: true,
};
const PUT_ANSWER: Statement = {
  cql: 'INSERT INTO answers (workspace_id, run_id, event_count, events) VALUES (?, ?, ?, ?) USING TIMESTAMP ?',
  isIdempotent: true,
};
const FIND_ANSWER: Statement = {
  cql: 'SELECT event_count, events FROM answers WHERE workspace_id = ? AND run_id = ?',
  isIdempotent: true,
};
const LIST_CHUNKS: Statement = {
  cql: `SELECT first_sequence, events FROM answer_events
    WHERE workspace_id = ? AND run_id = ? AND last_sequence > ? AND last_sequence < ? ORDER BY last_sequence ASC`,
  isIdempotent: true,
};

const answerRowSchema = z.object({ event_count: z.int(), events: z.string() });
const chunkRowSchema = z.object({ first_sequence: z.int(), events: z.string() });

/** Finished answers: one row, with all events of most of them, and further rows for the rest of long ones. */
export class AnswerTable {
  readonly #connection: ScyllaConnection;

  constructor(connection: ScyllaConnection) {
    this.#connection = connection;
  }

  /** The row that makes the answer exist is written last. Throws CONFLICT for events that are not dense from 0. */
  async put(
    { workspaceId }: WorkspaceScope,
    { runId, events }: Pick<FinishedAnswer, 'runId' | 'events'>,
    timestamp: number,
  ): Promise<void> {
    if (events.some((event, index) => event.sequence !== index)) {
      throw new DomainError('CONFLICT', 'The events of a finished run must be dense from 0.');
    }
    const [first, ...others] = toChunks(events);
    for (const { lastSequence, firstSequence, events: encoded } of others) {
      const values = [workspaceId, runId, lastSequence, firstSequence, encoded, timestamp];
      await this.#connection.execute(PUT_CHUNK, values);
    }
    const values = [workspaceId, runId, events.length, first?.events ?? '[]', timestamp];
    await this.#connection.execute(PUT_ANSWER, values);
  }

  async readEvents(
    { workspaceId }: WorkspaceScope,
    runId: RunId,
    after: number,
  ): Promise<readonly RunEvent[] | undefined> {
    const [found] = await this.#connection.execute(FIND_ANSWER, [workspaceId, runId]);
    if (found === undefined) return undefined;
    const { event_count: eventCount, events: encoded } = parsed(answerRowSchema, found);
    if (after >= eventCount - 1) return [];
    const events = [...fromChunk(encoded, 0)];
    if (events.length < eventCount) {
      const span = [Math.max(after, events.length - 1), eventCount];
      const rows = await this.#connection.execute(LIST_CHUNKS, [workspaceId, runId, ...span]);
      for (const row of rows) {
        const chunk = parsed(chunkRowSchema, row);
        events.push(...fromChunk(chunk.events, chunk.first_sequence));
      }
    }
    const wanted = events.filter(({ sequence }) => sequence > after);
    const start = Math.max(after + 1, 0);
    const isDense = wanted.every(({ sequence }, index) => sequence === start + index);
    if (!isDense || wanted.length !== eventCount - start) throw damaged(undefined);
    return wanted;
  }
}

function parsed<T>(schema: z.ZodType<T>, row: unknown): T {
  const result = schema.safeParse(row);
  if (!result.success) throw damaged(result.error);
  return result.data;
}
