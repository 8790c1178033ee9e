import { CHANNELS } from './listener.ts';

/** $1 now, $2 lease end, $3 limit, $4 attempts. Queued and due, or claimed by somebody whose lease ran out; oldest first. */
export const CLAIM = {
  name: 'job_claim',
  text: `
WITH due AS (
  SELECT id, due_at FROM jobs WHERE state IN ('queued', 'active') AND due_at <= $1 AND attempt < $4
  ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
), claimed AS (
  UPDATE jobs j SET state = 'active', attempt = j.attempt + 1, due_at = $2 FROM due WHERE j.id = due.id
  RETURNING j.id, j.kind, j.workspace_id, j.document_id, j.version, j.attempt, due.due_at
)
SELECT id, kind, workspace_id AS "workspaceId", document_id AS "documentId", version, attempt
FROM claimed ORDER BY due_at, id`,
};

/** $1 id, $2 attempt, $3 lease end. */
export const HEARTBEAT = {
  name: 'job_heartbeat',
  text: `UPDATE jobs SET due_at = $3 WHERE id = $1 AND attempt = $2 AND state = 'active' RETURNING id`,
};

/** $1 id, $2 attempt. */
export const COMPLETE = {
  name: 'job_complete',
  text: `DELETE FROM jobs WHERE id = $1 AND attempt = $2 AND state = 'active'`,
};

/** $1 id, $2 attempt, $3 next state, $4 due, $5 error. */
export const FAIL = {
  name: 'job_fail',
  text: `UPDATE jobs SET state = $3, due_at = $4, error = $5::jsonb
WHERE id = $1 AND attempt = $2 AND state = 'active' RETURNING state`,
};

/** $1 now, $2 attempts, $3 error. The document of a lost job fails with it, and its watchers learn that. */
export const BURY_LOST = {
  name: 'job_bury_lost',
  text: `
WITH lost AS (
  UPDATE jobs SET state = 'dead', due_at = $1, error = $3::jsonb
  WHERE state = 'active' AND due_at <= $1 AND attempt >= $2 RETURNING document_id, version
), failed AS (
  UPDATE documents d
  SET status = 'FAILED', error = $3::jsonb, updated_at = $1, progress_count = d.progress_count + 1
  FROM lost WHERE d.id = lost.document_id AND d.version = lost.version AND d.status IN ('QUEUED', 'PROCESSING')
  RETURNING d.id, d.version, d.progress_count - 1 AS sequence
), told AS (
  INSERT INTO document_progress (document_id, sequence, version, stage, status, progress, message)
  SELECT id, sequence, version, 'failed', 'FAILED', 1, $3::jsonb ->> 'message' FROM failed
)
SELECT pg_notify('${CHANNELS.documents}', id) FROM failed`,
};

/** $1 now. */
export const RECOVER = {
  name: 'job_recover',
  text: `
WITH freed AS (UPDATE jobs SET due_at = $1 WHERE state = 'active' AND due_at > $1 RETURNING id)
SELECT pg_notify('${CHANNELS.jobs}', '') FROM freed LIMIT 1`,
};

export const COUNTS = {
  name: 'job_counts',
  text: `SELECT count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'active') AS active,
  count(*) FILTER (WHERE state = 'dead') AS dead FROM jobs`,
};
