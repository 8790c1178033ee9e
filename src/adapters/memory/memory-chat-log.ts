import type { Message } from '../../domain/conversation.ts';
import type { ConversationId, RunId } from '../../domain/ids.ts';
import type { ChatLog, FinishedAnswer } from '../../domain/ports/runs.ts';
import type { Page, PageRequest } from '../../domain/ports/system.ts';
import type { RunEvent } from '../../domain/run.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { pageOf } from './paging.ts';

export class MemoryChatLog implements ChatLog {
  /** By workspace and conversation, then by position. */
  readonly #messages = new Map<string, Map<number, Message>>();
  /** By workspace and run. */
  readonly #events = new Map<string, readonly RunEvent[]>();

  async appendMessage(scope: WorkspaceScope, message: Message): Promise<void> {
    this.#put(scope, message);
  }

  async putAnswer(scope: WorkspaceScope, { message, runId, events }: FinishedAnswer): Promise<void> {
    const key = `${scope.workspaceId}/${runId}`;
    if (!this.#events.has(key)) this.#events.set(key, structuredClone(events));
    if (message !== null) this.#put(scope, message);
  }

  async listMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    { first, after = -1 }: PageRequest<number>,
  ): Promise<Page<Message>> {
    const messages = this.#inOrder(scope, conversationId).filter(({ position }) => position > after);
    return pageOf(messages, first);
  }

  async lastMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    before: number,
    limit: number,
  ): Promise<readonly Message[]> {
    const messages = this.#inOrder(scope, conversationId).filter(({ position }) => position < before);
    return messages.slice(Math.max(0, messages.length - limit));
  }

  async findMessage(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    position: number,
  ): Promise<Message | undefined> {
    return this.#messages.get(`${scope.workspaceId}/${conversationId}`)?.get(position);
  }

  async readEvents(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
  ): Promise<readonly RunEvent[] | undefined> {
    return this.#events.get(`${scope.workspaceId}/${runId}`)?.filter(({ sequence }) => sequence > after);
  }

  /** What stands at a position stays: a repeat finds it there and changes nothing. */
  #put({ workspaceId }: WorkspaceScope, message: Message): void {
    const key = `${workspaceId}/${message.conversationId}`;
    const messages = this.#messages.get(key) ?? new Map<number, Message>();
    if (!messages.has(message.position)) messages.set(message.position, structuredClone(message));
    this.#messages.set(key, messages);
  }

  #inOrder({ workspaceId }: WorkspaceScope, conversationId: ConversationId): readonly Message[] {
    const messages = this.#messages.get(`${workspaceId}/${conversationId}`)?.values() ?? [];
    return [...messages].sort((left, right) => left.position - right.position);
  }
}
