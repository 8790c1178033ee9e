import type { Citation } from './citation.ts';
import type { ConversationId, MessageId, RunId, UserId, WorkspaceId } from './ids.ts';

export interface Conversation {
  readonly id: ConversationId;
  readonly workspaceId: WorkspaceId;
  readonly userId: UserId;
  readonly title: string | null;
  readonly createdAt: number;
  /** Latest activity, milliseconds since the epoch. */
  readonly updatedAt: number;
}

export type MessageRole = 'USER' | 'ASSISTANT';

export interface Message {
  readonly id: MessageId;
  readonly conversationId: ConversationId;
  /** Order within the conversation; allocated from its row, not from a clock. */
  readonly position: number;
  readonly role: MessageRole;
  readonly text: string;
  readonly runId: RunId;
  readonly citations: readonly Citation[];
  readonly createdAt: number;
}
