import type { Conversation } from '../../domain/conversation.ts';
import { type ConversationId, trustedId, type UserId } from '../../domain/ids.ts';
import type { ConversationKey, ConversationRepository } from '../../domain/ports/runs.ts';
import type { Page, PageRequest } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { pageOf } from './rows.ts';

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
    const row = await this.#database.orm((prisma) =>
      prisma.conversation.findUnique({ where: { id, workspaceId, userId } }),
    );
    return row === null ? undefined : toConversation(row);
  }

  async list(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
    { first, after }: PageRequest<ConversationKey>,
  ): Promise<Page<Conversation>> {
    const rows = await this.#database.orm((prisma) =>
      prisma.conversation.findMany({
        where: { workspaceId, userId, ...(after === undefined ? {} : olderThan(after)) },
        orderBy: [{ updatedAt: 'desc' }, { id: 'desc' }],
        take: first + 1,
      }),
    );
    return pageOf(rows, first, toConversation);
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

/** The first condition lets the index begin at the key; the second makes it exact among equal times. */
function olderThan({ updatedAt, id }: ConversationKey) {
  const at = new Date(updatedAt);
  return { updatedAt: { lte: at }, OR: [{ updatedAt: { lt: at } }, { id: { lt: id } }] };
}

interface ConversationRow {
  readonly id: string;
  readonly workspaceId: string;
  readonly userId: string;
  readonly title: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export function toConversation(row: ConversationRow): Conversation {
  return {
    id: trustedId('cnv', row.id),
    workspaceId: trustedId('wsp', row.workspaceId),
    userId: trustedId('usr', row.userId),
    title: row.title,
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  };
}
