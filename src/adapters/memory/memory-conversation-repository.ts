import type { Conversation } from '../../domain/conversation.ts';
import type { ConversationId, UserId } from '../../domain/ids.ts';
import type { ConversationKey, ConversationRepository } from '../../domain/ports/runs.ts';
import type { Page, PageRequest } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { ConversationRow, MemoryDatabase } from './memory-database.ts';
import { newestFirst, pageOf } from './paging.ts';

export class MemoryConversationRepository implements ConversationRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async find(scope: WorkspaceScope, userId: UserId, id: ConversationId): Promise<Conversation | undefined> {
    const row = this.#find(scope, userId, id);
    return row && toConversation(row);
  }

  async list(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
    { first, after }: PageRequest<ConversationKey>,
  ): Promise<Page<Conversation>> {
    const key = ({ updatedAt, id }: ConversationKey) => [updatedAt, id] as const;
    const rows = [...this.#database.conversations.values()]
      .filter((row) => row.workspaceId === workspaceId && row.userId === userId)
      .filter((row) => after === undefined || newestFirst(key(row), key(after)) > 0)
      .sort((left, right) => newestFirst(key(left), key(right)));
    return pageOf(rows.map(toConversation), first);
  }

  async rename(
    scope: WorkspaceScope,
    userId: UserId,
    id: ConversationId,
    title: string,
  ): Promise<Conversation | undefined> {
    const row = this.#find(scope, userId, id);
    if (row === undefined) return undefined;
    const renamed = { ...row, title };
    this.#database.conversations.set(id, renamed);
    return toConversation(renamed);
  }

  #find(scope: WorkspaceScope, userId: UserId, id: ConversationId): ConversationRow | undefined {
    const row = this.#database.conversations.get(id);
    return row?.workspaceId === scope.workspaceId && row.userId === userId ? row : undefined;
  }
}

export function toConversation({
  nextPosition: _nextPosition,
  ...conversation
}: ConversationRow): Conversation {
  return conversation;
}
