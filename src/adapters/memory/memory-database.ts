import type { Conversation } from '../../domain/conversation.ts';
import type { Document, DocumentProgress, DocumentVersion, IngestionStage } from '../../domain/document.ts';
import type { EmbeddingDeployment } from '../../domain/embedding-deployment.ts';
import type { ErrorInfo } from '../../domain/errors.ts';
import type {
  ApiKeyId,
  CollectionId,
  ConversationId,
  DocumentId,
  EmbeddingDeploymentId,
  RunId,
  SessionId,
  UploadId,
  UserId,
  WorkspaceId,
} from '../../domain/ids.ts';
import type { Job, UploadRecord } from '../../domain/ports/documents.ts';
import type {
  ApiKeyRecord,
  CollectionRecord,
  SessionRecord,
  UserRecord,
  WorkspaceRecord,
} from '../../domain/ports/identity.ts';
import type { IdempotencyClaim } from '../../domain/ports/runs.ts';
import type { Unsubscribe } from '../../domain/ports/system.ts';
import type { Role } from '../../domain/principal.ts';
import type { Run } from '../../domain/run.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { RunUsage } from '../../domain/usage.ts';

interface OfWorkspace {
  readonly workspaceId: WorkspaceId;
}
export interface WorkspaceRow extends WorkspaceRecord {
  readonly quotaLimitMicros: number | null;
}
export interface MembershipRow extends OfWorkspace {
  readonly userId: UserId;
  readonly role: Role;
}
export interface RefreshTokenRow {
  readonly sessionId: SessionId;
  readonly expiresAt: number;
  readonly used: boolean;
}
export interface VersionRow extends DocumentVersion {
  readonly blobKey: string;
}
export interface JobRow {
  readonly id: string;
  readonly job: Job;
  readonly state: 'queued' | 'active' | 'dead';
  /** Claims so far; the newest claim's number fences older claimants out. */
  readonly attempt: number;
  readonly stage: IngestionStage;
  /** Claims at that stage. */
  readonly stageAttempts: number;
  /** queued: not before this. active: the lease ends here. */
  readonly dueAt: number;
  readonly error: ErrorInfo | null;
}
export interface DeploymentRow extends EmbeddingDeployment {
  readonly claim: number;
  readonly gapCount: number;
  readonly failureCount: number;
  /** Its work is not before this; while it is claimed, the claim ends here. */
  readonly dueAt: number;
}
export interface ConversationRow extends Conversation {
  readonly nextPosition: number;
}
export interface IdempotencyRow {
  readonly payloadHash: string;
  readonly expiresAt: number;
  readonly made: { readonly runId: RunId } | { readonly documentId: DocumentId; readonly duplicate: boolean };
}
export interface QuotaRow {
  readonly usedMicros: number;
  readonly reservedMicros: number;
}
export interface ReservationRow extends OfWorkspace {
  readonly period: string;
  readonly amountMicros: number;
}
export interface LedgerRow extends OfWorkspace {
  readonly period: string;
  readonly usage: RunUsage;
}

/**
 * The tables behind all relational ports. What runs between two awaits is a transaction: nothing else sees its middle,
 * and code that throws before its first write has changed nothing. So a method checks first and writes last.
 */
export class MemoryDatabase {
  readonly users = new Map<UserId, UserRecord>();
  readonly workspaces = new Map<WorkspaceId, WorkspaceRow>();
  /** By workspace and user; in order of joining. */
  readonly memberships = new Map<string, MembershipRow>();
  readonly collections = new Map<CollectionId, CollectionRecord & OfWorkspace>();
  readonly sessions = new Map<SessionId, SessionRecord>();
  readonly refreshTokens = new Map<string, RefreshTokenRow>();
  readonly apiKeys = new Map<ApiKeyId, ApiKeyRecord>();
  readonly documents = new Map<DocumentId, Document>();
  /** Index n holds version n + 1. */
  readonly documentVersions = new Map<DocumentId, VersionRow[]>();
  /** Index is the sequence. */
  readonly documentProgress = new Map<DocumentId, DocumentProgress[]>();
  readonly uploads = new Map<UploadId, UploadRecord & OfWorkspace>();
  readonly jobs = new Map<string, JobRow>();
  /** When a workspace was last given a worker, as a count of such turns. */
  readonly jobTurns = new Map<WorkspaceId, number>();
  readonly embeddingDeployments = new Map<EmbeddingDeploymentId, DeploymentRow>();
  readonly conversations = new Map<ConversationId, ConversationRow>();
  readonly runs = new Map<RunId, Run>();
  readonly idempotencyKeys = new Map<string, IdempotencyRow>();
  /** By workspace and period. */
  readonly quotas = new Map<string, QuotaRow>();
  readonly reservations = new Map<RunId, ReservationRow>();
  readonly ledger = new Map<RunId, LedgerRow>();

  /** What PostgreSQL announces with NOTIFY; the topic is a document's id, or `jobs`. */
  readonly notifications = new Notifications();
  #jobCount = 0;

  enqueue(job: Job, dueAt: number): void {
    this.#jobCount += 1;
    const id = String(this.#jobCount);
    const untried = { attempt: 0, stage: 'load', stageAttempts: 0 } as const;
    this.jobs.set(id, { id, job, state: 'queued', ...untried, dueAt, error: null });
    this.notifications.notify('jobs');
  }

  appendProgress(documentId: DocumentId, progress: Omit<DocumentProgress, 'sequence'>): DocumentProgress {
    const log = this.documentProgress.get(documentId) ?? [];
    const appended = { ...progress, sequence: log.length };
    this.documentProgress.set(documentId, [...log, appended]);
    this.notifications.notify(documentId);
    return appended;
  }

  /** The row of a key that still holds; an expired one may be claimed again. */
  findIdempotencyKey(
    scope: WorkspaceScope,
    claim: IdempotencyClaim | undefined,
    now: number,
  ): IdempotencyRow | undefined {
    if (claim === undefined) return undefined;
    const row = this.idempotencyKeys.get(idempotencyKey(scope, claim));
    return row !== undefined && row.expiresAt > now ? row : undefined;
  }

  putIdempotencyKey(
    scope: WorkspaceScope,
    claim: IdempotencyClaim | undefined,
    made: IdempotencyRow['made'],
  ): void {
    if (claim === undefined) return;
    const { payloadHash, expiresAt } = claim;
    this.idempotencyKeys.set(idempotencyKey(scope, claim), { payloadHash, expiresAt, made });
  }
}

function idempotencyKey(scope: WorkspaceScope, claim: IdempotencyClaim): string {
  return JSON.stringify([scope.workspaceId, claim.principalKey, claim.operation, claim.key]);
}

/** Wakes listeners after the notifying transaction, never inside it. */
export class Notifications {
  readonly #listeners = new Map<string, Set<() => void>>();

  notify(topic: string): void {
    queueMicrotask(() => {
      for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener();
    });
  }

  listen(topic: string, listener: () => void): Unsubscribe {
    // One and the same function may listen twice; each registration ends by itself.
    const registration = () => listener();
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(registration));
    return () => {
      listeners.delete(registration);
      if (listeners.size === 0) this.#listeners.delete(topic);
    };
  }
}
