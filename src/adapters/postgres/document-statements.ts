import { DOCUMENT_COLUMNS } from './document-rows.ts';
import { CHANNELS } from './listener.ts';

/** $1 workspace, $2 documents. */
export const FIND_MANY = {
  name: 'document_find_many',
  text: `SELECT ${DOCUMENT_COLUMNS} FROM documents d WHERE d.workspace_id = $1 AND d.id = ANY($2::text[])`,
};

/** $1 workspace, $2 limit; then the key to go on after, whose comparison is the order of the index. */
const ORDER = 'ORDER BY d.created_at DESC, d.id DESC LIMIT $2';
export const LIST = {
  name: 'document_list',
  text: `SELECT ${DOCUMENT_COLUMNS} FROM documents d WHERE d.workspace_id = $1 ${ORDER}`,
};
export const LIST_AFTER = {
  name: 'document_list_after',
  text: `SELECT ${DOCUMENT_COLUMNS} FROM documents d
WHERE d.workspace_id = $1 AND (d.created_at, d.id) < ($3, $4) ${ORDER}`,
};

/**
 * The steps of a submission, in one transaction. $1 workspace, $2 collection. The collection's row is the queue in which
 * the submissions of a collection stand: what the later steps look for cannot change under them.
 */
export const LOCK_COLLECTION = {
  name: 'document_lock_collection',
  text: 'SELECT id FROM collections WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE',
};

/** $1 workspace, $2 principal, $3 operation, $4 key, $5 now. */
export const FIND_CLAIM = {
  name: 'document_find_claim',
  text: `SELECT k.payload_hash AS "payloadHash", k.duplicate, ${DOCUMENT_COLUMNS}
FROM idempotency_keys k JOIN documents d ON d.id = k.document_id
WHERE k.workspace_id = $1 AND k.principal_key = $2 AND k.operation = $3 AND k.key = $4
  AND k.expires_at > $5::timestamptz`,
};

/** $1 collection, $2 content hash. Content that was replaced since, or failed, is not "already here". */
export const FIND_DUPLICATE = {
  name: 'document_find_duplicate',
  text: `SELECT ${DOCUMENT_COLUMNS}
FROM document_versions v JOIN documents d ON d.id = v.document_id AND d.version = v.version
WHERE v.collection_id = $1 AND v.content_hash = $2 AND d.status <> 'FAILED' ORDER BY d.id LIMIT 1`,
};

/**
 * $1 id if new, $2 workspace, $3 collection, $4 external id, $5 title, $6 media type, $7 metadata, $8 user, $9 now,
 * $10 content hash, $11 bytes, $12 file name, $13 blob. A known external id makes the next version.
 */
export const STORE_SUBMISSION = {
  name: 'document_store_submission',
  text: `
WITH d AS (
  INSERT INTO documents AS d (id, workspace_id, collection_id, external_id, title, media_type, metadata, status,
    version, progress_count, created_by, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, 'QUEUED', 1, 1, $8, $9::timestamptz, $9::timestamptz)
  ON CONFLICT (collection_id, external_id) DO UPDATE SET version = d.version + 1, title = excluded.title,
    media_type = excluded.media_type, metadata = excluded.metadata, status = 'QUEUED', error = NULL,
    progress_count = d.progress_count + 1, updated_at = excluded.updated_at
  RETURNING d.*
), v AS (
  INSERT INTO document_versions (document_id, version, collection_id, media_type, content_hash, byte_length,
    file_name, blob_key, created_at)
  SELECT id, version, $3, $6, $10, $11::bigint, $12, $13, $9::timestamptz FROM d
), p AS (
  INSERT INTO document_progress (document_id, sequence, version, stage, status, progress)
  SELECT id, progress_count - 1, version, 'queued', 'QUEUED', 0 FROM d
), j AS (
  INSERT INTO jobs (kind, workspace_id, document_id, version, state, due_at, created_at)
  SELECT 'ingest', $2, id, version, 'queued', $9::timestamptz, $9::timestamptz FROM d
)
SELECT ${DOCUMENT_COLUMNS}, pg_notify('${CHANNELS.jobs}', ''), pg_notify('${CHANNELS.documents}', d.id) FROM d`,
};

/** $1 workspace, $2 principal, $3 operation, $4 key, $5 payload hash, $6 document, $7 duplicate, $8 expiry, $9 now. */
export const STORE_CLAIM = {
  name: 'document_store_claim',
  text: `
WITH forgotten AS (
  DELETE FROM idempotency_keys WHERE workspace_id = $1 AND principal_key = $2 AND operation = $3 AND key = $4
    AND expires_at <= $9::timestamptz RETURNING 1
)
INSERT INTO idempotency_keys (workspace_id, principal_key, operation, key, payload_hash, document_id, duplicate,
  expires_at)
SELECT $1, $2, $3, $4, $5, $6, $7::boolean, $8::timestamptz WHERE (SELECT count(*) FROM forgotten) >= 0`,
};

/** $1 workspace, $2 document, $3 version, $4 chunks, $5 now, $6 title or null. Repeating it is harmless. */
export const PUBLISH = {
  name: 'document_publish',
  text: `
UPDATE documents SET active_version = $3, chunk_count = $4,
  status = CASE WHEN version = $3 THEN 'READY' ELSE status END,
  error = CASE WHEN version = $3 THEN NULL ELSE error END,
  title = CASE WHEN version = $3 THEN coalesce($6, title) ELSE title END, updated_at = $5::timestamptz
WHERE workspace_id = $1 AND id = $2 AND active_version <= $3 AND version >= $3 RETURNING id`,
};

/** $1 workspace, $2 document, $3 version, $4 status, $5 error, $6 now. */
export const SET_STATUS = {
  name: 'document_set_status',
  text: `UPDATE documents SET status = $4, error = $5::jsonb, updated_at = $6::timestamptz
WHERE workspace_id = $1 AND id = $2 AND version = $3 AND ($4 <> 'PROCESSING' OR status IN ('QUEUED', 'PROCESSING'))
RETURNING id`,
};

/** $1 workspace, $2 document, $3 now. Versions, progress and idempotency keys go with the row. */
export const REMOVE = {
  name: 'document_remove',
  text: `
WITH gone AS (
  DELETE FROM documents WHERE workspace_id = $1 AND id = $2 RETURNING id
), idle AS (
  DELETE FROM jobs j USING gone WHERE j.document_id = gone.id AND j.kind = 'ingest' AND j.state <> 'active'
), j AS (
  INSERT INTO jobs (kind, workspace_id, document_id, state, due_at, created_at)
  SELECT 'purge', $1, id, 'queued', $3::timestamptz, $3::timestamptz FROM gone
)
SELECT id, pg_notify('${CHANNELS.jobs}', ''), pg_notify('${CHANNELS.documents}', id) FROM gone`,
};
