import type { Citation } from './citation.ts';
import type { ErrorInfo } from './errors.ts';
import type { CollectionId, ConversationId, MessageId, RunId, UserId, WorkspaceId } from './ids.ts';
import type { RunUsage } from './usage.ts';

export const RUN_STATUSES = ['QUEUED', 'RUNNING', 'COMPLETED', 'STOPPED', 'FAILED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const FINISH_REASONS = ['COMPLETED', 'STOPPED', 'LIMIT', 'ABSTAINED'] as const;
export type FinishReason = (typeof FINISH_REASONS)[number];

export interface Run {
  readonly id: RunId;
  readonly workspaceId: WorkspaceId;
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly userMessageId: MessageId;
  /** Position of the user's message in the conversation; the answer stands at position + 1. */
  readonly position: number;
  readonly status: RunStatus;
  /** Fencing number of the lease: what an older generation appends is refused. */
  readonly generation: number;
  readonly leaseOwner: string;
  /** Milliseconds since the epoch. */
  readonly leaseUntil: number;
  readonly stopRequested: boolean;
  /** The user's text: an outbox until the run is settled, then null (it lives in the chat log). */
  readonly question: string | null;
  readonly collectionIds: readonly CollectionId[];
  readonly finishReason: FinishReason | null;
  readonly usage: RunUsage | null;
  readonly error: ErrorInfo | null;
  readonly createdAt: number;
}

export function isSettled(status: RunStatus): boolean {
  return status === 'COMPLETED' || status === 'STOPPED' || status === 'FAILED';
}

/** One event of an answer in the making, without its place. Stored as JSON; plain data only. */
export type RunEventBody =
  | { readonly type: 'RunStart' }
  | { readonly type: 'RetrievalEnd'; readonly passageCount: number }
  | { readonly type: 'ToolCallStart'; readonly toolCallId: string; readonly toolName: string }
  | {
      readonly type: 'ToolCallEnd';
      readonly toolCallId: string;
      readonly toolName: string;
      readonly succeeded: boolean;
    }
  | { readonly type: 'TokenDelta'; readonly text: string }
  | { readonly type: 'CitationAdded'; readonly citation: Citation }
  | ({ readonly type: 'UsageReported' } & RunUsage)
  | { readonly type: 'RunHandover'; readonly generation: number; readonly textLength: number }
  | { readonly type: 'RunGap'; readonly firstMissing: number; readonly lastMissing: number }
  | { readonly type: 'RunEnd'; readonly finishReason: FinishReason }
  | { readonly type: 'RunError'; readonly error: ErrorInfo };

/** `sequence` is dense from 0 within a run. */
export type RunEvent = RunEventBody & { readonly sequence: number };

/** A join in an answer: from here on another node wrote it. */
export type RunHandover = Extract<RunEvent, { readonly type: 'RunHandover' }>;

export function isTerminal(event: RunEventBody): boolean {
  return event.type === 'RunEnd' || event.type === 'RunError';
}

/** The text that a prefix of events has shown. */
export function shownText(events: readonly RunEventBody[]): string {
  let text = '';
  for (const event of events) if (event.type === 'TokenDelta') text += event.text;
  return text;
}
