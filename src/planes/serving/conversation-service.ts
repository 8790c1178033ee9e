import type { Conversation, Message } from '../../domain/conversation.ts';
import { DomainError, notFound } from '../../domain/errors.ts';
import type { ConversationId } from '../../domain/ids.ts';
import type { ChatLog, ConversationKey, ConversationRepository } from '../../domain/ports/runs.ts';
import type { Page, PageRequest } from '../../domain/ports/system.ts';
import { authorize, type Principal } from '../../domain/principal.ts';
import type { ConversationApi } from '../services.ts';

const FIRST_MAX = 100;
const TITLE_LENGTH_MAX = 200;

export interface ConversationServiceDeps {
  readonly conversations: ConversationRepository;
  readonly chatLog: Pick<ChatLog, 'listMessages'>;
}

/** Conversations are their user's alone; for everybody else, owners of the workspace too, they do not exist. */
export class ConversationService implements ConversationApi {
  readonly #deps: ConversationServiceDeps;

  constructor(deps: ConversationServiceDeps) {
    this.#deps = deps;
  }

  async get(principal: Principal, id: ConversationId): Promise<Conversation> {
    authorize(principal, 'chat');
    const { conversations } = this.#deps;
    const conversation = await conversations.find(scopeOf(principal), principal.userId, id);
    if (!conversation) throw notFound('conversation');
    return conversation;
  }

  async list(principal: Principal, page: PageRequest<ConversationKey>): Promise<Page<Conversation>> {
    authorize(principal, 'chat');
    checkFirst(page.first);
    return this.#deps.conversations.list(scopeOf(principal), principal.userId, page);
  }

  async messages(
    principal: Principal,
    id: ConversationId,
    page: PageRequest<number>,
  ): Promise<Page<Message>> {
    checkFirst(page.first);
    await this.get(principal, id);
    return this.#deps.chatLog.listMessages(scopeOf(principal), id, page);
  }

  async rename(principal: Principal, id: ConversationId, title: string): Promise<Conversation> {
    authorize(principal, 'chat');
    const trimmed = title.trim();
    const isUsable = trimmed !== '' && trimmed.length <= TITLE_LENGTH_MAX && trimmed.isWellFormed();
    if (!isUsable || /\p{Cc}/u.test(trimmed)) {
      throw new DomainError('BAD_USER_INPUT', `A title is one line of 1 to ${TITLE_LENGTH_MAX} characters.`);
    }
    const { conversations } = this.#deps;
    const renamed = await conversations.rename(scopeOf(principal), principal.userId, id, trimmed);
    if (!renamed) throw notFound('conversation');
    return renamed;
  }
}

function scopeOf({ workspaceId }: Principal): { readonly workspaceId: Principal['workspaceId'] } {
  return { workspaceId };
}

function checkFirst(first: number): void {
  if (Number.isInteger(first) && first >= 1 && first <= FIRST_MAX) return;
  throw new DomainError('BAD_USER_INPUT', `first must be between 1 and ${FIRST_MAX}.`);
}
