import type {
  Document,
  DocumentProgress,
  DocumentStatus,
  DocumentVersion,
  IngestionStage,
  Metadata,
} from '../document.ts';
import type { ErrorInfo } from '../errors.ts';
import type { CollectionId, DocumentId, UploadId, UserId } from '../ids.ts';
import type { SystemScope, WorkspaceScope } from '../scope.ts';
import type { IdempotencyClaim } from './runs.ts';
import type { Page, PageRequest, Unsubscribe } from './system.ts';

export interface DocumentSubmission {
  /** Used only if the submission makes a new document. */
  readonly documentId: DocumentId;
  readonly collectionId: CollectionId;
  readonly externalId: string | null;
  readonly title: string;
  readonly mediaType: string;
  readonly fileName: string | null;
  readonly metadata: Metadata;
  readonly contentHash: string;
  readonly byteLength: number;
  /** Where the original bytes already are; the transaction makes this name final. */
  readonly blobKey: string;
  readonly createdBy: UserId;
  readonly now: number;
  readonly idempotency?: IdempotencyClaim | undefined;
}
export type SubmissionOutcome =
  /** `version` 1 of a new document, or the next one of the document with that externalId; a job is queued. */
  | { readonly kind: 'accepted'; readonly document: Document }
  /** The same bytes are in this collection already (and did not fail): nothing is queued. */
  | { readonly kind: 'duplicate'; readonly document: Document }
  /** The same idempotency key and payload came before. */
  | { readonly kind: 'replayed'; readonly document: Document; readonly duplicate: boolean }
  | { readonly kind: 'conflict' };

/** The document as it then is. */
export interface ChangeOutcome {
  readonly kind: 'changed' | 'refused';
  readonly document: Document;
}

/** `createdAt` and id of the last document seen; newest first. */
export interface DocumentKey {
  readonly createdAt: number;
  readonly id: DocumentId;
}

export interface DocumentRepository {
  /** Document row, version row, queued event, job and idempotency key in one transaction. */
  submit(scope: WorkspaceScope, submission: DocumentSubmission): Promise<SubmissionOutcome>;
  find(scope: WorkspaceScope, documentId: DocumentId): Promise<Document | undefined>;
  /** Those that exist; in no order. */
  findMany(scope: WorkspaceScope, documentIds: readonly DocumentId[]): Promise<readonly Document[]>;
  list(scope: WorkspaceScope, page: PageRequest<DocumentKey>): Promise<Page<Document>>;
  findVersion(
    scope: WorkspaceScope,
    documentId: DocumentId,
    version: number,
  ): Promise<(DocumentVersion & { readonly blobKey: string }) | undefined>;
  /**
   * Makes a whole version the one readers see, status READY, in one statement. False: the document is gone or a newer
   * version is already active; the caller then drops what it indexed.
   */
  publish(
    scope: WorkspaceScope,
    documentId: DocumentId,
    published: {
      readonly version: number;
      readonly chunkCount: number;
      readonly now: number;
      /** Found in the document itself; taken over with the newest version. undefined: the title stays. */
      readonly title?: string | undefined;
    },
  ): Promise<boolean>;
  /**
   * Status of the newest version only; an older version's news is ignored. What failed or was cancelled meanwhile does not
   * become PROCESSING.
   */
  setStatus(
    scope: WorkspaceScope,
    documentId: DocumentId,
    change: {
      readonly version: number;
      readonly status: DocumentStatus;
      readonly error: ErrorInfo | null;
      readonly now: number;
    },
  ): Promise<boolean>;
  /**
   * Queues the failed newest version again, from the stage at which it died, or from an earlier one. `refused`: it did not
   * fail. undefined: no such document.
   */
  retry(
    scope: WorkspaceScope,
    documentId: DocumentId,
    retry: { readonly fromStage?: IngestionStage | undefined; readonly now: number },
  ): Promise<ChangeOutcome | undefined>;
  /**
   * Ends the work on the newest version, which then has failed with the given error. `refused`: nothing is being done, or
   * its chunks are being made visible already.
   */
  cancel(
    scope: WorkspaceScope,
    documentId: DocumentId,
    cancellation: { readonly error: ErrorInfo; readonly now: number },
  ): Promise<ChangeOutcome | undefined>;
  /** Gone for readers at once; a purge job (chunks, vectors, blobs) is queued in the same transaction. */
  remove(scope: WorkspaceScope, documentId: DocumentId): Promise<boolean>;
}

/** Progress of a document, durable and live across processes. */
export interface DocumentProgressLog {
  append(
    scope: WorkspaceScope,
    documentId: DocumentId,
    progress: Omit<DocumentProgress, 'sequence'>,
  ): Promise<DocumentProgress>;
  /** Those after the given sequence (-1: all), oldest first, at most `limit`. */
  read(
    scope: WorkspaceScope,
    documentId: DocumentId,
    after: number,
    limit: number,
  ): Promise<readonly DocumentProgress[]>;
  /** Called when there may be more to read; attach before reading. Resolves when attached. */
  subscribe(scope: WorkspaceScope, documentId: DocumentId, wake: () => void): Promise<Unsubscribe>;
}

export type Job =
  | {
      readonly kind: 'ingest';
      readonly scope: WorkspaceScope;
      readonly documentId: DocumentId;
      readonly version: number;
    }
  | { readonly kind: 'purge'; readonly scope: WorkspaceScope; readonly documentId: DocumentId };

export interface ClaimedJob {
  readonly id: string;
  readonly job: Job;
  /** From 1. */
  readonly attempt: number;
  /** The furthest stage that the job is known to have come to. */
  readonly stage: IngestionStage;
  /** Claims at that stage, this one included; a job has STAGE_ATTEMPTS_MAX of them at each. */
  readonly stageAttempt: number;
}
/**
 * Durable, at least once. A claim is a lease: a claimant that dies loses the job to another when it runs out. Workspaces
 * take turns: the one with the fewest claimed jobs is next, then the one that waited longest, then its oldest job.
 */
export interface JobQueue {
  claim(scope: SystemScope, limit: number): Promise<readonly ClaimedJob[]>;
  /** Extends the lease and keeps how far the job came. False: the job was lost or cancelled; stop working on it. */
  heartbeat(scope: SystemScope, claimed: ClaimedJob, stage: IngestionStage): Promise<boolean>;
  complete(scope: SystemScope, claimed: ClaimedJob): Promise<void>;
  /** Tries again after a back-off, or, when it was the stage's last attempt or `retryable` is false, keeps it as dead. */
  fail(
    scope: SystemScope,
    claimed: ClaimedJob,
    failure: { readonly error: ErrorInfo; readonly stage: IngestionStage },
  ): Promise<'retry' | 'dead'>;
  /** Called when there may be work; also at least every few seconds by the queue's own clock. */
  onAvailable(wake: () => void): Unsubscribe;
  counts(
    scope: SystemScope,
  ): Promise<{ readonly queued: number; readonly active: number; readonly dead: number }>;
}

export interface UploadRecord {
  readonly id: UploadId;
  readonly userId: UserId;
  readonly fileName: string;
  readonly mediaType: string;
  /** Announced size in bytes; the body must have exactly this many. */
  readonly size: number;
  readonly expiresAt: number;
  readonly status: 'CREATED' | 'RECEIVED' | 'INGESTED';
  readonly contentHash: string | null;
  /** Of a resumable upload: what has come, in parts that lie under these keys, in order. */
  readonly receivedBytes: number;
  readonly partKeys: readonly string[];
}
export interface UploadRepository {
  create(scope: WorkspaceScope, upload: UploadRecord): Promise<void>;
  find(scope: WorkspaceScope, uploadId: UploadId): Promise<UploadRecord | undefined>;
  /** Counts one more part of a CREATED upload. False: it is not at `from`, or not there any more. */
  advance(
    scope: WorkspaceScope,
    uploadId: UploadId,
    part: { readonly from: number; readonly byteLength: number; readonly partKey: string },
  ): Promise<boolean>;
  /** CREATED → RECEIVED, once. */
  receive(scope: WorkspaceScope, uploadId: UploadId, contentHash: string): Promise<boolean>;
  markIngested(scope: WorkspaceScope, uploadId: UploadId): Promise<void>;
  /** Removes and returns those past their expiry that were never ingested. */
  reap(
    scope: SystemScope,
    now: number,
    limit: number,
  ): Promise<readonly { readonly scope: WorkspaceScope; readonly id: UploadId }[]>;
}

/** What a loader makes of bytes. `text` is what is stored, cited and shown by Document.text. */
export interface LoadedText {
  readonly text: string;
  readonly title: string | null;
  /** Page n covers text from its start to the next page's start; empty for formats without pages. */
  readonly pageStarts: readonly number[];
  /** Structure found by the loader: a heading and where its section's text begins. Ordered by start. */
  readonly headings: readonly { readonly level: number; readonly title: string; readonly start: number }[];
  /** Spans kept whole by the splitter where they fit (fences, tables). Ordered, disjoint. */
  readonly blocks: readonly { readonly start: number; readonly end: number }[];
}
export interface LoadRequest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly fileName: string | null;
}
/** Throws DomainError BAD_USER_INPUT (not retryable) naming the file and the reason. Bounded in time and memory. */
export interface DocumentLoader {
  supports(mediaType: string): boolean;
  load(request: LoadRequest, signal: AbortSignal): Promise<LoadedText>;
}
