/**
 * What the planes offer to the edge. GraphQL, the upload route and the command line call these and nothing else of a
 * plane. Every method that takes a principal authorises it; ids of another workspace (or another user's conversations
 * and runs) throw NOT_FOUND; malformed input throws BAD_USER_INPUT; exceeded rates throw RATE_LIMITED.
 * What a client must branch on comes back as an outcome, never as an error.
 */
import type { Conversation, Message } from '../domain/conversation.ts';
import type { Document, DocumentProgress, IngestionStage, Metadata, Passage } from '../domain/document.ts';
import type { EmbeddingDeployment } from '../domain/embedding-deployment.ts';
import type {
  ApiKeyId,
  CollectionId,
  ConversationId,
  DocumentId,
  EmbeddingDeploymentId,
  RunId,
  UploadId,
  UserId,
  WorkspaceId,
} from '../domain/ids.ts';
import type { DocumentKey } from '../domain/ports/documents.ts';
import type {
  ApiKeyRecord,
  CollectionRecord,
  MemberRecord,
  MembershipRecord,
  WorkspaceRecord,
} from '../domain/ports/identity.ts';
import type { RateLimitDecision } from '../domain/ports/limits.ts';
import type { ConversationKey } from '../domain/ports/runs.ts';
import type { Page, PageRequest, Unsubscribe } from '../domain/ports/system.ts';
import type { ApiKeyScope, Principal, Role } from '../domain/principal.ts';
import type { Fusion, Reranking, RetrievalMode, RetrievalStage } from '../domain/retrieval.ts';
import type { Run, RunEvent, RunHandover } from '../domain/run.ts';
import type { Quota, UsageTotals } from '../domain/usage.ts';

/** Where a call came from, for limits before anybody is signed in. */
export interface Origin {
  readonly address: string;
}

export interface SignedIn {
  readonly kind: 'signed-in';
  readonly accessToken: string;
  /** Of the access token; milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly refreshToken: string;
  readonly user: { readonly id: UserId; readonly email: string };
  readonly workspace: WorkspaceRecord;
}
export type LoginOutcome =
  | SignedIn
  | { readonly kind: 'invalid-credentials' }
  | { readonly kind: 'too-many-attempts'; readonly retryAfterMs: number };
export type SignUpOutcome =
  | SignedIn
  | { readonly kind: 'email-taken' }
  | { readonly kind: 'weak-password'; readonly message: string }
  | { readonly kind: 'too-many-attempts'; readonly retryAfterMs: number };

/** Whether this principal is among those whose credentials may have changed. */
export type Affects = (principal: Principal) => boolean;
export type CredentialListener = (affects: Affects) => void;

export interface IdentityApi {
  signUp(
    input: { readonly email: string; readonly password: string; readonly workspaceName?: string | undefined },
    origin: Origin,
  ): Promise<SignUpOutcome>;
  /** Limited per account and per address at every call, however many stand in one request. */
  login(input: { readonly email: string; readonly password: string }, origin: Origin): Promise<LoginOutcome>;
  refresh(refreshToken: string, origin: Origin): Promise<LoginOutcome>;
  /** Ends the session: its access tokens are refused from the next call on. API keys cannot log out (FORBIDDEN). */
  logout(principal: Principal): Promise<void>;
  /** New tokens for another workspace of the same user; the session they replace has ended. API keys: FORBIDDEN. */
  switchWorkspace(principal: Principal, workspaceId: WorkspaceId): Promise<SignedIn>;
  /** From an `authorization` value: `Bearer <access token>` or `Bearer <API key>`. undefined: not valid (any more). */
  authenticate(authorization: string): Promise<Principal | undefined>;
  /** The principal as it is now: role changes and revocation included; undefined: no longer valid. */
  recheck(principal: Principal): Promise<Principal | undefined>;
  /**
   * Told, by whichever node, that the credentials of some principals may be others now: `recheck` those. So whoever holds
   * something open need not ask again and again. The listener must not throw and must not wait.
   */
  onCredentialChange(listener: CredentialListener): Unsubscribe;
  /** Several calls in one request share nothing; the edge may batch with a loader. */
  getUser(principal: Principal): Promise<{ readonly id: UserId; readonly email: string }>;
  listMemberships(principal: Principal): Promise<readonly MembershipRecord[]>;
  createApiKey(
    principal: Principal,
    input: { readonly name: string; readonly role: Role; readonly scopes: readonly ApiKeyScope[] },
  ): Promise<{ readonly secret: string; readonly apiKey: ApiKeyRecord }>;
  listApiKeys(principal: Principal): Promise<readonly ApiKeyRecord[]>;
  revokeApiKey(principal: Principal, apiKeyId: ApiKeyId): Promise<void>;
}

export type MemberChangeOutcome = 'done' | 'unknown-user' | 'last-owner';
export interface WorkspaceApi {
  current(principal: Principal): Promise<WorkspaceRecord>;
  usage(principal: Principal): Promise<UsageTotals>;
  quota(principal: Principal): Promise<Quota>;
  create(principal: Principal, input: { readonly name: string }): Promise<WorkspaceRecord>;
  listMembers(principal: Principal): Promise<readonly MemberRecord[]>;
  putMember(
    principal: Principal,
    input: { readonly email: string; readonly role: Role },
  ): Promise<MemberChangeOutcome>;
  removeMember(principal: Principal, userId: UserId): Promise<MemberChangeOutcome>;
  createCollection(
    principal: Principal,
    input: { readonly name: string },
  ): Promise<CollectionRecord | 'name-taken'>;
  listCollections(principal: Principal): Promise<readonly CollectionRecord[]>;
}

export type DocumentSource =
  | { readonly kind: 'text'; readonly content: string; readonly mediaType: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'upload'; readonly uploadId: UploadId };
export interface IngestCommand {
  readonly source: DocumentSource;
  readonly idempotencyKey?: string | undefined;
  /** Default: the workspace's default collection. */
  readonly collectionId?: CollectionId | undefined;
  readonly externalId?: string | undefined;
  readonly title?: string | undefined;
  readonly metadata?: Metadata | undefined;
}
export type IngestOutcome =
  | {
      readonly kind: 'ingested';
      readonly document: Document;
      readonly duplicate: boolean;
      /** The same key and payload came before. */
      readonly replayed: boolean;
    }
  | { readonly kind: 'unsupported'; readonly message: string }
  | { readonly kind: 'too-large'; readonly message: string }
  | { readonly kind: 'quota-exceeded'; readonly message: string }
  | { readonly kind: 'conflict' };
export interface DocumentApi {
  ingest(principal: Principal, command: IngestCommand): Promise<IngestOutcome>;
  get(principal: Principal, documentId: DocumentId): Promise<Document>;
  /** Those that exist, for resolving citations. */
  findMany(principal: Principal, documentIds: readonly DocumentId[]): Promise<readonly Document[]>;
  list(principal: Principal, page: PageRequest<DocumentKey>): Promise<Page<Document>>;
  /** Stored text of the active version (or the given one) between two UTF-16 offsets. */
  text(
    principal: Principal,
    documentId: DocumentId,
    span: {
      readonly start: number;
      readonly end?: number | undefined;
      readonly version?: number | undefined;
    },
  ): Promise<string>;
  remove(principal: Principal, documentId: DocumentId): Promise<void>;
  /** The failed newest version again, from where it failed or an earlier stage. Throws CONFLICT if it did not fail. */
  retry(
    principal: Principal,
    documentId: DocumentId,
    fromStage: IngestionStage | undefined,
  ): Promise<Document>;
  /** Throws CONFLICT when there is nothing to cancel any more. */
  cancel(principal: Principal, documentId: DocumentId): Promise<Document>;
  /** Progress after a sequence (-1: all), then live; ends after READY or FAILED of the newest version. */
  watch(principal: Principal, documentId: DocumentId, after: number): Promise<Feed<DocumentProgress>>;
}

export type CreateUploadOutcome =
  | {
      readonly kind: 'created';
      readonly uploadId: UploadId;
      /** Path and query of the PUT route, relative to the server. */
      readonly path: string;
      readonly expiresAt: number;
    }
  | { readonly kind: 'unsupported'; readonly message: string }
  | { readonly kind: 'too-large'; readonly message: string };
export type ReceiveOutcome =
  | { readonly kind: 'received' }
  | {
      readonly kind: 'refused';
      readonly status: 400 | 403 | 404 | 409 | 410 | 413 | 415;
      readonly message: string;
    };
/** Who holds the signed address may ask and send: there is no other credential. */
export interface UploadAddress {
  readonly uploadId: string;
  /** The query string's parameters, as `create` put them into the path. */
  readonly query: Readonly<Record<string, string | undefined>>;
}
export type UploadProgress =
  | { readonly kind: 'progress'; readonly offset: number; readonly size: number }
  | Extract<ReceiveOutcome, { readonly kind: 'refused' }>;
export interface UploadApi {
  create(
    principal: Principal,
    input: { readonly fileName: string; readonly mediaType: string; readonly size: number },
  ): Promise<CreateUploadOutcome>;
  /** The PUT itself: the signature is the only credential. */
  receive(
    request: UploadAddress & {
      readonly mediaType: string | undefined;
      readonly body: AsyncIterable<Uint8Array>;
    },
  ): Promise<ReceiveOutcome>;
  /** How many bytes have come, by whatever way. */
  progress(address: UploadAddress): Promise<UploadProgress>;
  /** More bytes, which must follow on those that have come (else 409). Keeps what came of a body that breaks off. */
  append(
    request: UploadAddress & { readonly offset: number; readonly body: AsyncIterable<Uint8Array> },
  ): Promise<UploadProgress>;
}

export interface SearchCommand {
  readonly query: string;
  readonly first: number;
  readonly collectionIds?: readonly CollectionId[] | undefined;
  /** As the client sent it: `{ field: value | { eq gte lte exists } }`. */
  readonly filter?: Readonly<Record<string, unknown>> | undefined;
  /** Which legs find and rank; default HYBRID. */
  readonly mode?: RetrievalMode | undefined;
  /** Only the best passage of each document. */
  readonly onePerDocument?: boolean | undefined;
  /** Without passages that repeat a better one; default false. */
  readonly distinct?: boolean | undefined;
  readonly fusion?: Fusion | undefined;
  readonly reranking?: Reranking | undefined;
  /** Told what each stage of the search knew, in order. */
  readonly onStage?: ((stage: RetrievalStage) => void) | undefined;
}
export interface SearchApi {
  search(principal: Principal, command: SearchCommand): Promise<readonly Passage[]>;
}

export interface CreateDeploymentCommand {
  readonly collectionId: CollectionId;
  /** One of those offered. */
  readonly embedder: string;
  /** Default: the configuration's. */
  readonly gate: { readonly queryCountMin?: number; readonly recallMin?: number };
}
export type DeploymentOutcome =
  | { readonly kind: 'done'; readonly deployment: EmbeddingDeployment }
  | { readonly kind: 'not-offered'; readonly offered: readonly string[] }
  | { readonly kind: 'embedder-failed'; readonly message: string }
  | {
      readonly kind: 'gate-closed';
      /** Sentences. */
      readonly problems: readonly string[];
      readonly deployment: EmbeddingDeployment;
    }
  /** The state does not allow it, or no longer. */
  | {
      readonly kind: 'refused';
      readonly message: string;
      readonly deployment: EmbeddingDeployment | undefined;
    };
export interface EmbeddingDeploymentApi {
  /** What may be deployed. */
  offered(principal: Principal): readonly string[];
  get(principal: Principal, id: EmbeddingDeploymentId): Promise<EmbeddingDeployment>;
  /** Newest first, a bounded number. */
  list(principal: Principal, collectionId: CollectionId): Promise<readonly EmbeddingDeployment[]>;
  /** A worker builds it. One that failed goes on. */
  create(principal: Principal, command: CreateDeploymentCommand): Promise<DeploymentOutcome>;
  setCanary(principal: Principal, id: EmbeddingDeploymentId, percent: number): Promise<DeploymentOutcome>;
  /** Through the gate, or, for an OWNER, by force. */
  promote(
    principal: Principal,
    id: EmbeddingDeploymentId,
    options: { readonly force: boolean },
  ): Promise<DeploymentOutcome>;
  rollBack(principal: Principal, id: EmbeddingDeploymentId): Promise<DeploymentOutcome>;
  /** Ends it: its vectors are removed. */
  retire(principal: Principal, id: EmbeddingDeploymentId): Promise<DeploymentOutcome>;
}

export interface ConversationApi {
  get(principal: Principal, id: ConversationId): Promise<Conversation>;
  list(principal: Principal, page: PageRequest<ConversationKey>): Promise<Page<Conversation>>;
  /** Oldest first; the key is the position. */
  messages(principal: Principal, id: ConversationId, page: PageRequest<number>): Promise<Page<Message>>;
  rename(principal: Principal, id: ConversationId, title: string): Promise<Conversation>;
}

export interface SendMessageCommand {
  readonly text: string;
  readonly conversationId?: ConversationId | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly collectionIds?: readonly CollectionId[] | undefined;
}
export type SendMessageOutcome =
  | {
      readonly kind: 'sent';
      readonly replayed: boolean;
      readonly conversation: Conversation;
      readonly userMessage: Message;
      readonly run: Run;
      readonly rateLimit: RateLimitDecision;
    }
  | { readonly kind: 'quota-exceeded' }
  | { readonly kind: 'conflict' };
export interface RunApi {
  sendMessage(principal: Principal, command: SendMessageCommand): Promise<SendMessageOutcome>;
  get(principal: Principal, runId: RunId): Promise<Run>;
  /** The answer as far as it is stored; null while the run goes on. */
  findAnswer(principal: Principal, run: Run): Promise<Message | null>;
  /** Where other nodes took the run over, in order; read from its events. */
  handovers(principal: Principal, run: Run): Promise<readonly RunHandover[]>;
  /** Ends the run at what was shown. A settled run is returned as it is. */
  stop(principal: Principal, runId: RunId): Promise<Run>;
  /** Events after a sequence (-1: all): stored ones first, then live, then the feed ends after the terminal event. */
  watch(principal: Principal, runId: RunId, after: number): Promise<Feed<RunEvent>>;
}

/**
 * A reader that holds a position and no queue: `next` resolves with the events after the last batch (never empty), or
 * undefined at the end. A slow reader costs nothing but its position. `close` ends a pending `next` with undefined.
 */
export interface Feed<Event> {
  next(): Promise<readonly Event[] | undefined>;
  close(): void;
}

export interface Services {
  readonly identity: IdentityApi;
  readonly workspaces: WorkspaceApi;
  readonly documents: DocumentApi;
  readonly uploads: UploadApi;
  readonly search: SearchApi;
  readonly deployments: EmbeddingDeploymentApi;
  readonly conversations: ConversationApi;
  readonly runs: RunApi;
}
