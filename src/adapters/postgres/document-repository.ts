import { z } from 'zod';
import type { Document, DocumentStatus, DocumentVersion } from '../../domain/document.ts';
import { type ErrorInfo, notFound } from '../../domain/errors.ts';
import type { DocumentId } from '../../domain/ids.ts';
import type {
  ChangeOutcome,
  DocumentKey,
  DocumentRepository,
  DocumentSubmission,
  SubmissionOutcome,
} from '../../domain/ports/documents.ts';
import type { IdempotencyClaim } from '../../domain/ports/runs.ts';
import type { Clock, Page, PageRequest } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Database, Query } from './database.ts';
import { cancelIn, retryIn } from './document-changes.ts';
import { toDocument } from './document-rows.ts';
import {
  FIND_CLAIM,
  FIND_DUPLICATE,
  FIND_MANY,
  LIST,
  LIST_AFTER,
  LOCK_COLLECTION,
  PUBLISH,
  REMOVE,
  SET_STATUS,
  STORE_CLAIM,
  STORE_SUBMISSION,
} from './document-statements.ts';
import { isUniqueViolation } from './errors.ts';
import { pageOf, toJson } from './rows.ts';

const SUBMIT_ATTEMPTS_MAX = 3;

export class PostgresDocumentRepository implements DocumentRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async submit(scope: WorkspaceScope, submission: DocumentSubmission): Promise<SubmissionOutcome> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#database.transaction((query) => submitIn(query, scope, submission));
      } catch (error) {
        // One key used at once for two collections: the next look finds what the faster one made.
        const lostRace = isUniqueViolation(error, 'idempotency_keys_pkey');
        if (!lostRace || attempt === SUBMIT_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async find({ workspaceId }: WorkspaceScope, documentId: DocumentId): Promise<Document | undefined> {
    const [row] = await this.#database.query(FIND_MANY, [workspaceId, [documentId]]);
    return row === undefined ? undefined : toDocument(row);
  }

  async findMany(
    { workspaceId }: WorkspaceScope,
    documentIds: readonly DocumentId[],
  ): Promise<readonly Document[]> {
    if (documentIds.length === 0) return [];
    return (await this.#database.query(FIND_MANY, [workspaceId, [...documentIds]])).map(toDocument);
  }

  async list(
    { workspaceId }: WorkspaceScope,
    { first, after }: PageRequest<DocumentKey>,
  ): Promise<Page<Document>> {
    const key = after === undefined ? [] : [new Date(after.createdAt), after.id];
    const statement = after === undefined ? LIST : LIST_AFTER;
    const rows = await this.#database.query(statement, [workspaceId, first + 1, ...key]);
    return pageOf(rows, first, toDocument);
  }

  async findVersion(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    version: number,
  ): Promise<(DocumentVersion & { readonly blobKey: string }) | undefined> {
    const row = await this.#database.orm((prisma) =>
      prisma.documentVersion.findUnique({
        where: { documentId_version: { documentId, version }, document: { workspaceId } },
      }),
    );
    if (row === null) return undefined;
    const { mediaType, contentHash, fileName, blobKey } = row;
    return {
      ...{ documentId, version, mediaType, contentHash, fileName, blobKey },
      byteLength: Number(row.byteLength),
    };
  }

  async publish(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    published: Parameters<DocumentRepository['publish']>[2],
  ): Promise<boolean> {
    const { version, chunkCount, now, title = null } = published;
    const values = [workspaceId, documentId, version, chunkCount, new Date(now), title];
    return (await this.#database.query(PUBLISH, values)).length === 1;
  }

  async setStatus(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    change: {
      readonly version: number;
      readonly status: DocumentStatus;
      readonly error: ErrorInfo | null;
      readonly now: number;
    },
  ): Promise<boolean> {
    const { version, status, error, now } = change;
    const values = [workspaceId, documentId, version, status, toJson(error), new Date(now)];
    return (await this.#database.query(SET_STATUS, values)).length === 1;
  }

  retry(
    scope: WorkspaceScope,
    documentId: DocumentId,
    wish: Parameters<DocumentRepository['retry']>[2],
  ): Promise<ChangeOutcome | undefined> {
    return this.#database.transaction((query) => retryIn(query, scope, documentId, wish));
  }

  cancel(
    scope: WorkspaceScope,
    documentId: DocumentId,
    wish: Parameters<DocumentRepository['cancel']>[2],
  ): Promise<ChangeOutcome | undefined> {
    return this.#database.transaction((query) => cancelIn(query, scope, documentId, wish));
  }

  async remove({ workspaceId }: WorkspaceScope, documentId: DocumentId): Promise<boolean> {
    const values = [workspaceId, documentId, new Date(this.#clock.now())];
    return (await this.#database.query(REMOVE, values)).length === 1;
  }
}

const claimRow = z.object({ payloadHash: z.string(), duplicate: z.boolean() });

async function submitIn(
  query: Query,
  { workspaceId }: WorkspaceScope,
  submission: DocumentSubmission,
): Promise<SubmissionOutcome> {
  const { collectionId, idempotency, now } = submission;
  const locked = await query(LOCK_COLLECTION, [workspaceId, collectionId]);
  if (idempotency !== undefined) {
    const [claimed] = await query(FIND_CLAIM, [workspaceId, ...claimKey(idempotency), new Date(now)]);
    if (claimed !== undefined) return replay(claimed, idempotency);
  }
  if (locked.length === 0) throw notFound('collection');
  const [same] = await query(FIND_DUPLICATE, [collectionId, submission.contentHash]);
  const stored = same ?? (await query(STORE_SUBMISSION, submissionValues(workspaceId, submission)))[0];
  const document = toDocument(stored);
  const duplicate = same !== undefined;
  if (idempotency !== undefined) {
    const { payloadHash, expiresAt } = idempotency;
    const key = [workspaceId, ...claimKey(idempotency), payloadHash];
    await query(STORE_CLAIM, [...key, document.id, duplicate, new Date(expiresAt), new Date(now)]);
  }
  return { kind: duplicate ? 'duplicate' : 'accepted', document };
}

function replay(row: unknown, { payloadHash }: IdempotencyClaim): SubmissionOutcome {
  const claimed = claimRow.parse(row);
  if (claimed.payloadHash !== payloadHash) return { kind: 'conflict' };
  return { kind: 'replayed', document: toDocument(row), duplicate: claimed.duplicate };
}

function claimKey({ principalKey, operation, key }: IdempotencyClaim): readonly string[] {
  return [principalKey, operation, key];
}

function submissionValues(workspaceId: string, submission: DocumentSubmission): readonly unknown[] {
  return [
    ...[submission.documentId, workspaceId, submission.collectionId, submission.externalId],
    ...[submission.title, submission.mediaType, toJson(submission.metadata), submission.createdBy],
    ...[new Date(submission.now), submission.contentHash, submission.byteLength],
    ...[submission.fileName, submission.blobKey],
  ];
}
