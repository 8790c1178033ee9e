import { z } from 'zod';
import { INGESTION_STAGES } from '../../domain/document.ts';
import type { DocumentId } from '../../domain/ids.ts';
import type { ChangeOutcome, DocumentRepository } from '../../domain/ports/documents.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Query } from './database.ts';
import { DOCUMENT_COLUMNS, toDocument } from './document-rows.ts';
import { CHANNELS } from './listener.ts';
import { toJson } from './rows.ts';

/** $1 workspace, $2 document. Whoever tells of a stage takes this lock too: what is read behind it cannot move. */
const LOCK = {
  name: 'document_lock',
  text: `SELECT ${DOCUMENT_COLUMNS} FROM documents d WHERE d.workspace_id = $1 AND d.id = $2 FOR UPDATE`,
};

/** $1 document, $2 version. Its newest stage shows whether readers may see it already. */
const LAST_STAGE = {
  name: 'document_last_stage',
  text: 'SELECT stage FROM document_progress WHERE document_id = $1 AND version = $2 ORDER BY sequence DESC LIMIT 1',
};
const stageRow = z.object({ stage: z.string() });
const PUBLISHING: readonly string[] = ['index', 'verify'];

/** $1 document, $2 version, $3 wanted stage or null, $4 all stages in order, $5 now. Its attempt, the fence, goes on counting. */
const REVIVE_JOB = {
  name: 'job_revive',
  text: `UPDATE jobs SET state = 'queued', error = NULL, due_at = $5::timestamptz, stage_attempts = 0,
  stage = CASE WHEN array_position($4::text[], $3) < array_position($4::text[], stage) THEN $3 ELSE stage END
WHERE document_id = $1 AND version = $2 AND kind = 'ingest' AND state = 'dead' RETURNING id`,
};

/** $1 workspace, $2 document, $3 version, $4 now. */
const ADD_JOB = {
  name: 'job_add_ingest',
  text: `INSERT INTO jobs (kind, workspace_id, document_id, version, state, due_at, created_at)
VALUES ('ingest', $1, $2, $3, 'queued', $4::timestamptz, $4::timestamptz)`,
};

/** $1 document, $2 version, $3 error, $4 now. A claimant learns it at its next heartbeat. */
const END_JOB = {
  name: 'job_end',
  text: `UPDATE jobs SET state = 'dead', error = $3::jsonb, due_at = $4::timestamptz
WHERE document_id = $1 AND version = $2 AND kind = 'ingest' AND state <> 'dead'`,
};

/** $1 document, $2 status, $3 error, $4 now, $5 stage, $6 progress, $7 message. */
const CHANGE = {
  name: 'document_change',
  text: `
WITH d AS (
  UPDATE documents d SET status = $2, error = $3::jsonb, updated_at = $4::timestamptz,
    progress_count = progress_count + 1
  WHERE id = $1 RETURNING d.*
), told AS (
  INSERT INTO document_progress (document_id, sequence, version, stage, status, progress, message)
  SELECT id, progress_count - 1, version, $5, $2, $6::double precision, $7 FROM d
)
SELECT ${DOCUMENT_COLUMNS}, pg_notify('${CHANNELS.jobs}', ''), pg_notify('${CHANNELS.documents}', d.id) FROM d`,
};

/** In one transaction. */
export async function retryIn(
  query: Query,
  { workspaceId }: WorkspaceScope,
  documentId: DocumentId,
  { fromStage, now }: RetryWish,
): Promise<ChangeOutcome | undefined> {
  const [locked] = await query(LOCK, [workspaceId, documentId]);
  if (locked === undefined) return undefined;
  const document = toDocument(locked);
  const { status, version } = document;
  if (status !== 'FAILED') return { kind: 'refused', document };
  const at = new Date(now);
  const revived = await query(REVIVE_JOB, [
    documentId,
    version,
    fromStage ?? null,
    [...INGESTION_STAGES],
    at,
  ]);
  if (revived.length === 0) await query(ADD_JOB, [workspaceId, documentId, version, at]);
  const [changed] = await query(CHANGE, [documentId, 'QUEUED', null, at, 'queued', 0, null]);
  return { kind: 'changed', document: toDocument(changed) };
}

/** In one transaction. */
export async function cancelIn(
  query: Query,
  { workspaceId }: WorkspaceScope,
  documentId: DocumentId,
  { error, now }: Parameters<DocumentRepository['cancel']>[2],
): Promise<ChangeOutcome | undefined> {
  const [locked] = await query(LOCK, [workspaceId, documentId]);
  if (locked === undefined) return undefined;
  const document = toDocument(locked);
  const { status, version } = document;
  // A statement of its own: it sees what was told until the lock was ours.
  const [last] = await query(LAST_STAGE, [documentId, version]);
  const isPublishing = last !== undefined && PUBLISHING.includes(stageRow.parse(last).stage);
  if ((status !== 'QUEUED' && status !== 'PROCESSING') || isPublishing) return { kind: 'refused', document };
  const [at, reason] = [new Date(now), toJson(error)];
  await query(END_JOB, [documentId, version, reason, at]);
  const [changed] = await query(CHANGE, [documentId, 'FAILED', reason, at, 'failed', 1, error.message]);
  return { kind: 'changed', document: toDocument(changed) };
}

type RetryWish = Parameters<DocumentRepository['retry']>[2];
