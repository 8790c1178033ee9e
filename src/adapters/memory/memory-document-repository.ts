import type { Document, DocumentProgress } from '../../domain/document.ts';
import { notFound } from '../../domain/errors.ts';
import type { DocumentId } from '../../domain/ids.ts';
import { earlierStage } from '../../domain/job-attempts.ts';
import type {
  ChangeOutcome,
  DocumentKey,
  DocumentRepository,
  DocumentSubmission,
  SubmissionOutcome,
} from '../../domain/ports/documents.ts';
import type { Page, PageRequest } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { JobRow, MemoryDatabase, VersionRow } from './memory-database.ts';
import { newestFirst, pageOf } from './paging.ts';

type Publication = Parameters<DocumentRepository['publish']>[2];
type StatusChange = Parameters<DocumentRepository['setStatus']>[2];

export class MemoryDocumentRepository implements DocumentRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async submit(scope: WorkspaceScope, submission: DocumentSubmission): Promise<SubmissionOutcome> {
    const repeated = this.#findRepeated(scope, submission);
    if (repeated !== undefined) return repeated;
    const collection = this.#database.collections.get(submission.collectionId);
    if (collection?.workspaceId !== scope.workspaceId) throw notFound('collection');
    const same = this.#findSameBytes(submission);
    const document = same ?? this.#accept(scope, submission);
    const made = { documentId: document.id, duplicate: same !== undefined };
    this.#database.putIdempotencyKey(scope, submission.idempotency, made);
    return { kind: same === undefined ? 'accepted' : 'duplicate', document };
  }

  async find(scope: WorkspaceScope, documentId: DocumentId): Promise<Document | undefined> {
    return this.#find(scope, documentId);
  }

  async findMany(scope: WorkspaceScope, documentIds: readonly DocumentId[]): Promise<readonly Document[]> {
    return [...new Set(documentIds)].flatMap((id) => this.#find(scope, id) ?? []);
  }

  async list({ workspaceId }: WorkspaceScope, page: PageRequest<DocumentKey>): Promise<Page<Document>> {
    const { first, after } = page;
    const key = ({ createdAt, id }: DocumentKey) => [createdAt, id] as const;
    const documents = [...this.#database.documents.values()]
      .filter((document) => document.workspaceId === workspaceId)
      .filter((document) => after === undefined || newestFirst(key(document), key(after)) > 0)
      .sort((left, right) => newestFirst(key(left), key(right)));
    return pageOf(documents, first);
  }

  async findVersion(
    scope: WorkspaceScope,
    documentId: DocumentId,
    version: number,
  ): Promise<VersionRow | undefined> {
    if (this.#find(scope, documentId) === undefined) return undefined;
    return this.#database.documentVersions.get(documentId)?.[version - 1];
  }

  async publish(scope: WorkspaceScope, documentId: DocumentId, published: Publication): Promise<boolean> {
    const document = this.#find(scope, documentId);
    const { version, chunkCount, now, title = document?.title ?? '' } = published;
    if (document === undefined || version < document.activeVersion || version > document.version)
      return false;
    const isNewest = version === document.version;
    const news = isNewest ? { status: 'READY' as const, error: null, title } : {};
    const changed = { ...document, activeVersion: version, chunkCount, updatedAt: now, ...news };
    this.#database.documents.set(documentId, changed);
    return true;
  }

  async setStatus(scope: WorkspaceScope, documentId: DocumentId, change: StatusChange): Promise<boolean> {
    const document = this.#find(scope, documentId);
    if (document?.version !== change.version) return false;
    const { status, error, now } = change;
    if (status === 'PROCESSING' && !isUnderWay(document)) return false;
    this.#database.documents.set(documentId, { ...document, status, error, updatedAt: now });
    return true;
  }

  async retry(
    scope: WorkspaceScope,
    documentId: DocumentId,
    { fromStage, now }: Parameters<DocumentRepository['retry']>[2],
  ): Promise<ChangeOutcome | undefined> {
    const document = this.#find(scope, documentId);
    if (document === undefined) return undefined;
    if (document.status !== 'FAILED') return { kind: 'refused', document };
    const dead = this.#jobOf(document);
    if (dead === undefined) {
      const { version } = document;
      this.#database.enqueue({ kind: 'ingest', scope, documentId, version }, now);
    } else {
      const stage = fromStage === undefined ? dead.stage : earlierStage(dead.stage, fromStage);
      const revived = { ...dead, state: 'queued', stage, stageAttempts: 0, dueAt: now, error: null } as const;
      this.#database.jobs.set(dead.id, revived);
      this.#database.notifications.notify('jobs');
    }
    const news = { stage: 'queued', progress: 0, message: null } as const;
    return this.#change(document, { status: 'QUEUED', error: null, updatedAt: now }, news);
  }

  async cancel(
    scope: WorkspaceScope,
    documentId: DocumentId,
    { error, now }: Parameters<DocumentRepository['cancel']>[2],
  ): Promise<ChangeOutcome | undefined> {
    const document = this.#find(scope, documentId);
    if (document === undefined) return undefined;
    const last = this.#database.documentProgress.get(documentId)?.at(-1)?.stage;
    const isPublishing = last === 'index' || last === 'verify';
    if (!isUnderWay(document) || isPublishing) return { kind: 'refused', document };
    const job = this.#jobOf(document);
    if (job !== undefined) this.#database.jobs.set(job.id, { ...job, state: 'dead', dueAt: now, error });
    const news = { stage: 'failed', progress: 1, message: error.message } as const;
    return this.#change(document, { status: 'FAILED', error, updatedAt: now }, news);
  }

  #jobOf({ id, version }: Document): JobRow | undefined {
    return [...this.#database.jobs.values()].find(
      ({ job }) => job.kind === 'ingest' && job.documentId === id && job.version === version,
    );
  }

  #change(
    document: Document,
    changes: Pick<Document, 'status' | 'error' | 'updatedAt'>,
    news: Pick<DocumentProgress, 'stage' | 'progress' | 'message'>,
  ): ChangeOutcome {
    const changed = { ...document, ...changes };
    this.#database.documents.set(document.id, changed);
    const { status, version } = changed;
    this.#database.appendProgress(document.id, { version, status, ...news });
    return { kind: 'changed', document: changed };
  }

  async remove(scope: WorkspaceScope, documentId: DocumentId): Promise<boolean> {
    if (this.#find(scope, documentId) === undefined) return false;
    const { documents, documentVersions, documentProgress, idempotencyKeys, jobs } = this.#database;
    documents.delete(documentId);
    documentVersions.delete(documentId);
    documentProgress.delete(documentId);
    for (const [key, { made }] of idempotencyKeys) {
      if ('documentId' in made && made.documentId === documentId) idempotencyKeys.delete(key);
    }
    for (const { id, job, state } of jobs.values()) {
      if (job.documentId === documentId && state !== 'active') jobs.delete(id);
    }
    this.#database.enqueue({ kind: 'purge', scope: { workspaceId: scope.workspaceId }, documentId }, 0);
    this.#database.notifications.notify(documentId);
    return true;
  }

  #find({ workspaceId }: WorkspaceScope, documentId: DocumentId): Document | undefined {
    const document = this.#database.documents.get(documentId);
    return document?.workspaceId === workspaceId ? document : undefined;
  }

  #findRepeated(scope: WorkspaceScope, submission: DocumentSubmission): SubmissionOutcome | undefined {
    const { idempotency, now } = submission;
    const row = this.#database.findIdempotencyKey(scope, idempotency, now);
    if (row === undefined || idempotency === undefined) return undefined;
    if (row.payloadHash !== idempotency.payloadHash || !('documentId' in row.made))
      return { kind: 'conflict' };
    const document = this.#find(scope, row.made.documentId);
    return document && { kind: 'replayed', document, duplicate: row.made.duplicate };
  }

  /** By newest versions only: bytes that a document has left behind may come back. */
  #findSameBytes({ collectionId, contentHash }: DocumentSubmission): Document | undefined {
    for (const document of this.#database.documents.values()) {
      if (document.collectionId !== collectionId || document.status === 'FAILED') continue;
      const newest = this.#database.documentVersions.get(document.id)?.at(-1);
      if (newest?.contentHash === contentHash) return document;
    }
    return undefined;
  }

  #accept({ workspaceId }: WorkspaceScope, submission: DocumentSubmission): Document {
    const { collectionId, externalId, title, mediaType, metadata, createdBy, now } = submission;
    const previous = this.#findByExternalId(submission);
    const document: Document = {
      ...{ activeVersion: 0, chunkCount: 0, createdBy, createdAt: now },
      ...previous,
      ...{ id: previous?.id ?? submission.documentId, workspaceId, collectionId, externalId },
      ...{ title, mediaType, metadata, status: 'QUEUED', error: null, updatedAt: now },
      version: (previous?.version ?? 0) + 1,
    };
    this.#insertVersion(document, submission);
    return document;
  }

  #insertVersion(document: Document, submission: DocumentSubmission): void {
    const { id: documentId, version, workspaceId, mediaType } = document;
    const { contentHash, byteLength, fileName, blobKey, now } = submission;
    const row = { documentId, version, mediaType, contentHash, byteLength, fileName, blobKey };
    const rows = this.#database.documentVersions.get(documentId) ?? [];
    this.#database.documents.set(documentId, document);
    this.#database.documentVersions.set(documentId, [...rows, row]);
    const queued = { stage: 'queued', status: 'QUEUED', progress: 0, message: null } as const;
    this.#database.appendProgress(documentId, { version, ...queued });
    this.#database.enqueue({ kind: 'ingest', scope: { workspaceId }, documentId, version }, now);
  }

  #findByExternalId({ collectionId, externalId }: DocumentSubmission): Document | undefined {
    if (externalId === null) return undefined;
    return [...this.#database.documents.values()].find(
      (document) => document.collectionId === collectionId && document.externalId === externalId,
    );
  }
}

function isUnderWay({ status }: Document): boolean {
  return status === 'QUEUED' || status === 'PROCESSING';
}
