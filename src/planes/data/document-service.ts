import type { Document, DocumentProgress, IngestionStage } from '../../domain/document.ts';
import { DomainError, type ErrorInfo, notFound } from '../../domain/errors.ts';
import type { CollectionId, DocumentId } from '../../domain/ids.ts';
import type {
  ChangeOutcome,
  DocumentKey,
  DocumentProgressLog,
  DocumentRepository,
  SubmissionOutcome,
} from '../../domain/ports/documents.ts';
import type { CollectionRepository, WorkspaceRepository } from '../../domain/ports/identity.ts';
import type { RateLimit, RateLimiter } from '../../domain/ports/limits.ts';
import type { Clock, IdGenerator, Page, PageRequest } from '../../domain/ports/system.ts';
import { authorize, type Principal, principalKey } from '../../domain/principal.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { DocumentApi, Feed, IngestCommand, IngestOutcome } from '../services.ts';
import { partsKey, textKey } from './blob-keys.ts';
import { shortTitle } from './fallback-title.ts';
import { checkCommand, idempotencyOf } from './ingest-command.ts';
import { textOfBlob } from './loaded-text.ts';
import { ProgressFeed } from './progress-feed.ts';
import {
  type SourceLimits,
  SourceReader,
  type SourceReaderDeps,
  type StagedSource,
} from './source-reader.ts';

export interface DocumentServiceDeps extends SourceReaderDeps {
  readonly documents: DocumentRepository;
  readonly progress: DocumentProgressLog;
  readonly workspaces: Pick<WorkspaceRepository, 'find'>;
  readonly collections: Pick<CollectionRepository, 'find'>;
  readonly rateLimiter: RateLimiter;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}
export interface DocumentServiceOptions extends SourceLimits {
  readonly ingestRate: RateLimit;
}

const FIND_MANY_MAX = 1000;

/** Documents as their workspace sees them: submitting, listing, reading, removing. The work is the worker's. */
export class DocumentService implements DocumentApi {
  readonly #deps: DocumentServiceDeps;
  readonly #options: DocumentServiceOptions;
  readonly #sources: SourceReader;

  constructor(deps: DocumentServiceDeps, options: DocumentServiceOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#sources = new SourceReader(deps, options);
  }

  async ingest(principal: Principal, command: IngestCommand): Promise<IngestOutcome> {
    authorize(principal, 'document:write');
    await this.#takeRate(principal);
    checkCommand(command);
    const scope = scopeOf(principal);
    const collectionId = await this.#collection(scope, command.collectionId);
    const documentId = this.#deps.ids.next('doc');
    const source = await this.#sources.read(principal, command.source, documentId);
    if (source.kind !== 'staged') return source;
    const { externalId = null, metadata = {}, title } = command;
    const now = this.#deps.clock.now();
    const { mediaType, fileName, contentHash, byteLength, blobKey, fallbackTitle } = source;
    const outcome = await this.#deps.documents.submit(scope, {
      ...{
        documentId,
        collectionId,
        externalId,
        metadata,
        mediaType,
        fileName,
        contentHash,
        byteLength,
        blobKey,
        now,
      },
      title: title === undefined ? fallbackTitle : shortTitle(title),
      createdBy: principal.userId,
      idempotency: idempotencyOf(principal, command, now),
    });
    await this.#settle(scope, command, source, outcome);
    if (outcome.kind === 'conflict') return outcome;
    const duplicate = outcome.kind === 'replayed' ? outcome.duplicate : outcome.kind === 'duplicate';
    const replayed = outcome.kind === 'replayed';
    return { kind: 'ingested', document: outcome.document, duplicate, replayed };
  }

  async get(principal: Principal, documentId: DocumentId): Promise<Document> {
    authorize(principal, 'document:read');
    return this.#get(scopeOf(principal), documentId);
  }

  async findMany(principal: Principal, documentIds: readonly DocumentId[]): Promise<readonly Document[]> {
    authorize(principal, 'document:read');
    if (documentIds.length > FIND_MANY_MAX) throw badInput(`At most ${FIND_MANY_MAX} documents at once.`);
    return this.#deps.documents.findMany(scopeOf(principal), documentIds);
  }

  async list(principal: Principal, page: PageRequest<DocumentKey>): Promise<Page<Document>> {
    authorize(principal, 'document:read');
    return this.#deps.documents.list(scopeOf(principal), page);
  }

  /** Empty while no version is whole. */
  async text(
    principal: Principal,
    documentId: DocumentId,
    span: Parameters<DocumentApi['text']>[2],
  ): Promise<string> {
    authorize(principal, 'document:read');
    const { start, end, version } = span;
    const isSpan = Number.isSafeInteger(start) && start >= 0 && (end === undefined || end >= start);
    if (!isSpan) throw badInput('`start` and `end` must be offsets, and `end` not before `start`.');
    const scope = scopeOf(principal);
    const document = await this.#get(scope, documentId);
    const wanted = version ?? document.activeVersion;
    if (wanted === 0) return '';
    const bytes = await this.#deps.blobs.get(scope, textKey(documentId, wanted));
    if (bytes === undefined) throw notFound('version of the document');
    return textOfBlob(bytes).slice(start, end);
  }

  /** Throws CONFLICT when the newest version did not fail. */
  async retry(
    principal: Principal,
    documentId: DocumentId,
    fromStage: IngestionStage | undefined,
  ): Promise<Document> {
    authorize(principal, 'document:write');
    await this.#takeRate(principal);
    const { documents, clock } = this.#deps;
    const outcome = await documents.retry(scopeOf(principal), documentId, { fromStage, now: clock.now() });
    return changed(outcome, 'Only a document that failed can be tried again.');
  }

  /** Throws CONFLICT when nothing is being done on it, or its chunks are becoming visible already. */
  async cancel(principal: Principal, documentId: DocumentId): Promise<Document> {
    authorize(principal, 'document:write');
    const { documents, clock } = this.#deps;
    const cancellation = { error: CANCELLED, now: clock.now() };
    const outcome = await documents.cancel(scopeOf(principal), documentId, cancellation);
    return changed(outcome, 'The document is not being taken in, or nearly is.');
  }

  /** Gone for readers when it resolves; a job removes chunks and bytes. */
  async remove(principal: Principal, documentId: DocumentId): Promise<void> {
    authorize(principal, 'document:write');
    if (!(await this.#deps.documents.remove(scopeOf(principal), documentId))) throw notFound('document');
  }

  async watch(principal: Principal, documentId: DocumentId, after: number): Promise<Feed<DocumentProgress>> {
    authorize(principal, 'document:read');
    const scope = scopeOf(principal);
    await this.#get(scope, documentId);
    return ProgressFeed.open(this.#deps, scope, { documentId, after });
  }

  async #get(scope: WorkspaceScope, documentId: DocumentId): Promise<Document> {
    const document = await this.#deps.documents.find(scope, documentId);
    if (document === undefined) throw notFound('document');
    return document;
  }

  async #collection(scope: WorkspaceScope, wanted: CollectionId | undefined): Promise<CollectionId> {
    if (wanted === undefined) {
      const workspace = await this.#deps.workspaces.find(scope);
      if (workspace === undefined) throw notFound('workspace');
      return workspace.defaultCollectionId;
    }
    if ((await this.#deps.collections.find(scope, wanted)) === undefined) throw notFound('collection');
    return wanted;
  }

  /** Bytes that the submission did not take are dropped; an upload that it took is kept from being reaped. */
  async #settle(
    scope: WorkspaceScope,
    { source }: IngestCommand,
    { blobKey }: StagedSource,
    outcome: SubmissionOutcome,
  ): Promise<void> {
    if (source.kind !== 'upload') {
      if (outcome.kind !== 'accepted') await this.#deps.blobs.remove(scope, blobKey);
      return;
    }
    if (outcome.kind === 'conflict') return;
    const { id, version } = outcome.document;
    const taken = await this.#deps.documents.findVersion(scope, id, version);
    if (taken?.blobKey !== blobKey) return;
    await this.#deps.uploads.markIngested(scope, source.uploadId);
    // Left by a crash between joining them and this; nothing would reap them any more.
    await this.#deps.blobs.remove(scope, partsKey(source.uploadId));
  }

  async #takeRate(principal: Principal): Promise<void> {
    const decision = await this.#deps.rateLimiter.take(this.#options.ingestRate, principalKey(principal));
    if (decision.allowed) return;
    const { retryAfterMs } = decision;
    throw new DomainError('RATE_LIMITED', 'Too many documents at once; try again later.', { retryAfterMs });
  }
}

const CANCELLED: ErrorInfo = { code: 'CANCELLED', message: 'It was cancelled.', retryable: true };

function changed(outcome: ChangeOutcome | undefined, refusal: string): Document {
  if (outcome === undefined) throw notFound('document');
  if (outcome.kind === 'refused') throw new DomainError('CONFLICT', refusal);
  return outcome.document;
}

function scopeOf({ workspaceId }: Principal): WorkspaceScope {
  return { workspaceId };
}

function badInput(message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', message);
}
