import { z } from 'zod';
import type { Conversation } from '../../domain/conversation.ts';
import { type ConversationId, trustedId, type UserId } from '../../domain/ids.ts';
import type { ConversationKey, ConversationRepository } from '../../domain/ports/runs.ts';
import type { Page, PageRequest } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { pageOf } from './rows.ts';

const CONVERSATION = `id, workspace_id AS "workspaceId", user_id AS "userId", title, created_at AS "createdAt",
  updated_at AS "updatedAt"`;
const FIND = {
  name: 'conversation_find',
  text: `SELECT ${CONVERSATION} FROM conversations WHERE id = $1 AND workspace_id = $2 AND user_id = $3`,
};
const ORDER = 'ORDER BY updated_at DESC, id DESC LIMIT $3';
const LIST = {
  name: 'conversation_list',
  text: `SELECT ${CONVERSATION} FROM conversations WHERE workspace_id = $1 AND user_id = $2 ${ORDER}`,
};
// The comparison of rows is the order of the index: it is entered at the key.
const LIST_AFTER = {
  name: 'conversation_list_after',
  text: `SELECT ${CONVERSATION} FROM conversations
WHERE workspace_id = $1 AND user_id = $2 AND (updated_at, id) < ($4, $5) ${ORDER}`,
};
const conversationRow = z.object({
  id: z.string(),
  workspaceId: z.string(),
  userId: z.string(),
  title: z.string().nullable(),
  createdAt: z.date(),
  updatedAt: z.date(),
});

export class PostgresConversationRepository implements ConversationRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
    id: ConversationId,
  ): Promise<Conversation | undefined> {
    const [row] = await this.#database.query(FIND, [id, workspaceId, userId]);
    return row === undefined ? undefined : toConversation(conversationRow.parse(row));
  }

  async list(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
    { first, after }: PageRequest<ConversationKey>,
  ): Promise<Page<Conversation>> {
    const key = after === undefined ? [] : [new Date(after.updatedAt), after.id];
    const statement = after === undefined ? LIST : LIST_AFTER;
    const rows = await this.#database.query(statement, [workspaceId, userId, first + 1, ...key]);
    return pageOf(rows, first, (row) => toConversation(conversationRow.parse(row)));
  }

  async rename(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
    id: ConversationId,
    title: string,
  ): Promise<Conversation | undefined> {
    const [row] = await this.#database.orm((prisma) =>
      prisma.conversation.updateManyAndReturn({ where: { id, workspaceId, userId }, data: { title } }),
    );
    return row === undefined ? undefined : toConversation(row);
  }
}

export function toConversation(row: z.infer<typeof conversationRow>): Conversation {
  return {
    id: trustedId('cnv', row.id),
    workspaceId: trustedId('wsp', row.workspaceId),
    userId: trustedId('usr', row.userId),
    title: row.title,
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  };
}
