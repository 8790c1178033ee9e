import { CHANNELS } from './listener.ts';

/** Of each workspace, beyond the limit: what claimants at the same moment may already have locked. */
const SPARE = 64;

/**
 * $1 now, $2 lease end, $3 limit, $4 attempts a stage. First what was claimed by somebody whose lease ran out; then by
 * turns of the workspaces. `waiting` hops from workspace to workspace through the index, so that a workspace's ten
 * thousand jobs cost as much as one.
 */
export const CLAIM = {
  name: 'job_claim',
  text: `
WITH RECURSIVE waiting (workspace_id) AS (
  (SELECT workspace_id FROM jobs WHERE state = 'queued' ORDER BY workspace_id LIMIT 1)
  UNION ALL
  SELECT (SELECT j.workspace_id FROM jobs j WHERE j.state = 'queued' AND j.workspace_id > w.workspace_id
    ORDER BY j.workspace_id LIMIT 1)
  FROM waiting w WHERE w.workspace_id IS NOT NULL
), busy AS (
  SELECT workspace_id, count(*) AS jobs FROM jobs WHERE state = 'active' AND due_at > $1 GROUP BY workspace_id
), candidates AS (
  SELECT id, 0::bigint AS place, NULL::bigint AS turn FROM jobs
  WHERE state = 'active' AND due_at <= $1 AND stage_attempts < $4
  UNION ALL
  SELECT c.id, coalesce(b.jobs, 0) + c.place, t.turn
  FROM waiting w CROSS JOIN LATERAL (
    SELECT id, row_number() OVER (ORDER BY due_at, id) AS place FROM jobs
    WHERE state = 'queued' AND workspace_id = w.workspace_id AND due_at <= $1
    ORDER BY due_at, id LIMIT $3::bigint + ${SPARE}
  ) c
  LEFT JOIN busy b ON b.workspace_id = w.workspace_id LEFT JOIN job_turns t ON t.workspace_id = w.workspace_id
), due AS (
  SELECT j.id, c.place, c.turn, j.due_at FROM candidates c JOIN jobs j ON j.id = c.id
  WHERE j.state IN ('queued', 'active') AND j.due_at <= $1
  ORDER BY c.place, c.turn NULLS FIRST, j.due_at, j.id LIMIT $3 FOR UPDATE OF j SKIP LOCKED
), claimed AS (
  UPDATE jobs j SET state = 'active', attempt = j.attempt + 1, stage_attempts = j.stage_attempts + 1, due_at = $2
  FROM due WHERE j.id = due.id
  RETURNING j.id, j.kind, j.workspace_id, j.document_id, j.version, j.attempt, j.stage, j.stage_attempts,
    due.place, due.turn, due.due_at
), served AS (
  INSERT INTO job_turns (workspace_id) SELECT DISTINCT workspace_id FROM claimed ORDER BY workspace_id
  ON CONFLICT (workspace_id) DO UPDATE SET turn = excluded.turn
)
SELECT id, kind, workspace_id AS "workspaceId", document_id AS "documentId", version, attempt, stage,
  stage_attempts AS "stageAttempt"
FROM claimed ORDER BY place, turn NULLS FIRST, due_at, id`,
};

/** Of a stage that the job has just come to, the first attempt. */
const TO_STAGE = (stage: string): string =>
  `stage = ${stage}, stage_attempts = CASE WHEN stage = ${stage} THEN stage_attempts ELSE 1 END`;

/** $1 id, $2 attempt, $3 lease end, $4 stage. */
export const HEARTBEAT = {
  name: 'job_heartbeat',
  text: `UPDATE jobs SET due_at = $3, ${TO_STAGE('$4')}
WHERE id = $1 AND attempt = $2 AND state = 'active' RETURNING id`,
};

/** $1 id, $2 attempt. */
export const COMPLETE = {
  name: 'job_complete',
  text: `DELETE FROM jobs WHERE id = $1 AND attempt = $2 AND state = 'active'`,
};

/** $1 id, $2 attempt, $3 next state, $4 due, $5 error, $6 stage. */
export const FAIL = {
  name: 'job_fail',
  text: `UPDATE jobs SET state = $3, due_at = $4, error = $5::jsonb, ${TO_STAGE('$6')}
WHERE id = $1 AND attempt = $2 AND state = 'active' RETURNING state`,
};

/** $1 now, $2 attempts a stage, $3 error. The document of a lost job fails with it, and its watchers learn that. */
export const BURY_LOST = {
  name: 'job_bury_lost',
  text: `
WITH lost AS (
  UPDATE jobs SET state = 'dead', due_at = $1, error = $3::jsonb
  WHERE state = 'active' AND due_at <= $1 AND stage_attempts >= $2 RETURNING document_id, version
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
