import type { Conversation, Message } from '../conversation.ts';
import type { ErrorInfo } from '../errors.ts';
import type { CollectionId, ConversationId, MessageId, RunId, UserId, WorkspaceId } from '../ids.ts';
import type { FinishReason, Run, RunEvent, RunEventBody, RunStatus } from '../run.ts';
import type { SystemScope, WorkspaceScope } from '../scope.ts';
import type { Quota, RunUsage, UsageTotals } from '../usage.ts';
import type { Page, PageRequest, Unsubscribe } from './system.ts';

/** Unique within (workspace, principal, operation). Stored only with the transaction it belongs to. */
export interface IdempotencyClaim {
  readonly principalKey: string;
  readonly operation: 'sendMessage' | 'ingest';
  readonly key: string;
  /** Lower-case hex SHA-256 of the canonical payload. */
  readonly payloadHash: string;
  /** At least 24 hours ahead. */
  readonly expiresAt: number;
}

export interface NewRun {
  readonly runId: RunId;
  readonly userId: UserId;
  readonly userMessageId: MessageId;
  readonly question: string;
  readonly collectionIds: readonly CollectionId[];
  readonly conversation:
    | { readonly kind: 'new'; readonly id: ConversationId; readonly title: string }
    | { readonly kind: 'existing'; readonly id: ConversationId };
  readonly leaseOwner: string;
  readonly leaseMs: number;
  /** Upper bound of what the run may cost; refused if used + reserved + this would pass the quota. */
  readonly reservationMicros: number;
  readonly idempotency?: IdempotencyClaim | undefined;
  readonly now: number;
}
export type BeginOutcome =
  | { readonly kind: 'started'; readonly run: Run; readonly conversation: Conversation }
  /** The same key and payload came before; `run` is the one they made, as it stands now. */
  | { readonly kind: 'replayed'; readonly run: Run; readonly conversation: Conversation }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'quota-exceeded' }
  /** Unknown, of another workspace or of another user. */
  | { readonly kind: 'conversation-not-found' };

export interface Settlement {
  readonly runId: RunId;
  readonly generation: number;
  readonly status: Extract<RunStatus, 'COMPLETED' | 'STOPPED' | 'FAILED'>;
  readonly finishReason: FinishReason | null;
  readonly error: ErrorInfo | null;
  readonly usage: RunUsage;
  readonly modelId: string;
  readonly now: number;
}

export interface RunRepository {
  /** Idempotency key, quota reservation, conversation position and run row: all of it or nothing. */
  begin(scope: WorkspaceScope, run: NewRun): Promise<BeginOutcome>;
  find(scope: WorkspaceScope, runId: RunId): Promise<Run | undefined>;
  /** Extends the leases this node still holds at the given generation; returns the ids of those. */
  heartbeat(
    scope: SystemScope,
    lease: { readonly owner: string; readonly leaseMs: number; readonly now: number },
    runs: readonly { readonly id: RunId; readonly generation: number }[],
  ): Promise<{ readonly held: readonly RunId[]; readonly stopRequested: readonly RunId[] }>;
  /** Takes over unsettled runs whose lease ran out, raising their generation. Never gives one run to two callers. */
  claimExpired(
    scope: SystemScope,
    lease: { readonly owner: string; readonly leaseMs: number; readonly now: number },
    limit: number,
  ): Promise<readonly Run[]>;
  /** False: unknown, or settled already. */
  requestStop(scope: WorkspaceScope, runId: RunId): Promise<boolean>;
  /**
   * Final status, usage record, ledger row and release of the reservation in one statement keyed by the run.
   * 'already-settled' leaves everything as it is; 'stale' means a newer generation holds the run. The usage counts in the
   * period of the reservation. Throws NOT_FOUND when this workspace has no such run.
   */
  settle(scope: WorkspaceScope, settlement: Settlement): Promise<'settled' | 'already-settled' | 'stale'>;
}

export interface ConversationKey {
  readonly updatedAt: number;
  readonly id: ConversationId;
}
/** A conversation belongs to one user; for everybody else it does not exist. */
export interface ConversationRepository {
  find(scope: WorkspaceScope, userId: UserId, id: ConversationId): Promise<Conversation | undefined>;
  /** Latest activity first. */
  list(
    scope: WorkspaceScope,
    userId: UserId,
    page: PageRequest<ConversationKey>,
  ): Promise<Page<Conversation>>;
  rename(
    scope: WorkspaceScope,
    userId: UserId,
    id: ConversationId,
    title: string,
  ): Promise<Conversation | undefined>;
}

export interface LedgerAudit {
  readonly runCount: number;
  /** Runs whose ledger row and usage record differ, or that have one without the other. */
  readonly mismatched: readonly RunId[];
  /** Reservations of settled or unknown runs. */
  readonly orphanedReservations: readonly RunId[];
  /** Runs that go on without a reservation. */
  readonly unreserved: readonly RunId[];
  /** Quota counters that are not the sums of the ledger and of the reservations behind them. */
  readonly miscountedQuotas: readonly { readonly workspaceId: WorkspaceId; readonly period: string }[];
  /** Over all settled runs, and over the whole ledger. */
  readonly usage: UsageTotals;
  readonly ledger: UsageTotals;
}
export interface UsageLedger {
  totals(scope: WorkspaceScope): Promise<UsageTotals>;
  quota(scope: WorkspaceScope, now: number): Promise<Quota>;
  setQuotaLimit(scope: WorkspaceScope, limitMicros: number | null): Promise<void>;
  /** Compares what is stored about usage in several places. Each list has at most 1,000 findings. */
  audit(scope: SystemScope): Promise<LedgerAudit>;
}

/** The live event stream of runs. What `append` accepted is durable and will be read by everybody, in order, once. */
export interface RunEventLog {
  /**
   * Appends a dense batch beginning at `firstSequence`. Repeating a batch that was already accepted succeeds without
   * a second copy. Throws STALE_GENERATION when a newer generation was fenced in, CONFLICT when the sequence does not
   * continue the log (a gap, or other events where some are stored). Subscribers are called after the batch is durable,
   * never before.
   */
  append(scope: WorkspaceScope, batch: RunEventBatch): Promise<void>;
  /**
   * From its return on, appends of older generations are refused. Returns the whole log so far. Throws STALE_GENERATION
   * when a newer generation was fenced in.
   */
  fence(scope: WorkspaceScope, runId: RunId, generation: number): Promise<readonly RunEvent[]>;
  /** Results of finished steps, in the order of the events that they came with; empty once the log is retired. */
  readSteps(scope: WorkspaceScope, runId: RunId): Promise<readonly StepResult[]>;
  /** Events after the given sequence (-1: all), oldest first, at most `limit`; undefined when the log is not (or no longer) here. */
  read(
    scope: WorkspaceScope,
    runId: RunId,
    after: number,
    limit: number,
  ): Promise<readonly RunEvent[] | undefined>;
  /** Every batch appended after it resolved, in order. The listener must not throw and must not wait. */
  subscribe(
    scope: WorkspaceScope,
    runId: RunId,
    listener: (events: readonly RunEvent[]) => void,
  ): Promise<Unsubscribe>;
  /** The run is in the chat log: this copy may go after `ttlMs`. */
  retire(scope: WorkspaceScope, runId: RunId, ttlMs: number): Promise<void>;
}
export interface RunEventBatch {
  readonly runId: RunId;
  readonly generation: number;
  readonly firstSequence: number;
  readonly events: readonly RunEventBody[];
  /** Of the steps that these events report: stored with them or not at all, and shown to nobody. */
  readonly steps?: readonly StepResult[];
}
/** What a finished step of a run found, for whoever takes the run over: no step that is finished is done again. */
export interface StepResult {
  readonly step: string;
  /** JSON, understood by its writer alone. */
  readonly result: string;
}

/** Messages, and finished answers with their events, for ever. All writes are idempotent. */
export interface ChatLog {
  appendMessage(scope: WorkspaceScope, message: Message): Promise<void>;
  /** The answer's message and its run's events; both or neither become visible to a reader of the message. */
  putAnswer(scope: WorkspaceScope, answer: FinishedAnswer): Promise<void>;
  /** Forward from a position (exclusive; -1: from the start). */
  listMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    page: PageRequest<number>,
  ): Promise<Page<Message>>;
  /** The newest messages before a position, oldest first. */
  lastMessages(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    before: number,
    limit: number,
  ): Promise<readonly Message[]>;
  findMessage(
    scope: WorkspaceScope,
    conversationId: ConversationId,
    position: number,
  ): Promise<Message | undefined>;
  /** All events of a finished run after a sequence (-1: all); undefined if the run is not here. */
  readEvents(scope: WorkspaceScope, runId: RunId, after: number): Promise<readonly RunEvent[] | undefined>;
}
export interface FinishedAnswer {
  /** null when the run failed before it showed any text. */
  readonly message: Message | null;
  readonly runId: RunId;
  readonly events: readonly RunEvent[];
}
