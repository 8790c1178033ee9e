import { z } from 'zod';
import type { Message } from '../../../domain/conversation.ts';
import { DomainError } from '../../../domain/errors.ts';
import { type ConversationId, type RunId, trustedId } from '../../../domain/ids.ts';
import type { ChatLog, FinishedAnswer } from '../../../domain/ports/runs.ts';
import type { Page, PageRequest } from '../../../domain/ports/system.ts';
import type { RunEvent } from '../../../domain/run.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { decodeEvents, encodeEvents } from './run-event-codec.ts';
import type { ServingDatabase } from './serving-database.ts';
import type { Write } from './serving-schema.ts';

const citationSchema = z.object({
  index: z.int(),
  chunkId: z.string().transform((id) => trustedId('chk', id)),
  documentId: z.string().transform((id) => trustedId('doc', id)),
  documentTitle: z.string(),
  documentVersion: z.int(),
  headingPath: z.array(z.string()),
  page: z.int().nullable(),
  quote: z.string(),
  sourceStart: z.int(),
  sourceEnd: z.int(),
  answerStart: z.int(),
  answerEnd: z.int(),
});
const bodySchema = z.object({
  id: z.string().transform((id) => trustedId('msg', id)),
  role: z.enum(['USER', 'ASSISTANT']),
  text: z.string(),
  runId: z.string().transform((id) => trustedId('run', id)),
  citations: z.array(citationSchema),
  createdAt: z.number(),
});

const OF_CONVERSATION = 'FROM message WHERE workspace_id = ? AND conversation_id = ?';

/** Messages as JSON rows, and a finished run's events as one text, which keeps every boundary for ever. */
export class SqliteChatLog implements ChatLog {
  readonly #database: ServingDatabase;

  constructor(database: ServingDatabase) {
    this.#database = database;
  }

  appendMessage(scope: WorkspaceScope, message: Message): Promise<void> {
    return this.#database.commit([putMessage(scope, message)]);
  }

  async putAnswer(scope: WorkspaceScope, { message, runId, events }: FinishedAnswer): Promise<void> {
    if (events.some((event, index) => event.sequence !== index)) {
      throw new DomainError('CONFLICT', 'The events of a finished run must be dense from 0.');
    }
    const answer: Write = ['putAnswer', scope.workspaceId, runId, encodeEvents(events)];
    await this.#database.commit(message === null ? [answer] : [answer, putMessage(scope, message)]);
  }

  async listMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    { first, after = -1 }: PageRequest<number>,
  ): Promise<Page<Message>> {
    const sql = `SELECT position, body ${OF_CONVERSATION} AND position > ? ORDER BY position LIMIT ?`;
    const found = this.#select(sql, scope, conversationId, [after, first + 1]);
    return { items: found.slice(0, first), hasNextPage: found.length > first };
  }

  async lastMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    before: number,
    limit: number,
  ): Promise<readonly Message[]> {
    const sql = `SELECT position, body ${OF_CONVERSATION} AND position < ? ORDER BY position DESC LIMIT ?`;
    return this.#select(sql, scope, conversationId, [before, limit]).reverse();
  }

  async findMessage(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    position: number,
  ): Promise<Message | undefined> {
    const sql = `SELECT position, body ${OF_CONVERSATION} AND position = ?`;
    return this.#select(sql, scope, conversationId, [position])[0];
  }

  async readEvents(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
  ): Promise<readonly RunEvent[] | undefined> {
    const sql = 'SELECT events FROM answer WHERE workspace_id = ? AND run_id = ?';
    const row = this.#database.read((statements) => statements.get(sql, scope.workspaceId, runId));
    if (row === undefined) return undefined;
    const { events } = row;
    return decodeEvents(String(events), 0).slice(after + 1);
  }

  #select(
    sql: string,
    scope: WorkspaceScope,
    conversationId: ConversationId,
    values: readonly number[],
  ): Message[] {
    const rows = this.#database.read((statements) =>
      statements.all(sql, scope.workspaceId, conversationId, ...values),
    );
    return rows.map(({ position, body }) => ({
      ...bodySchema.parse(JSON.parse(String(body))),
      conversationId,
      position: Number(position),
    }));
  }
}

function putMessage(scope: WorkspaceScope, message: Message): Write {
  const { conversationId, position, ...body } = message;
  return ['putMessage', scope.workspaceId, conversationId, position, JSON.stringify(body)];
}
