import {
  type DeploymentState,
  FORCIBLE_STATES,
  PROMOTABLE_STATES,
  RETIRABLE_STATES,
  SHADOWED_STATES,
  SOAKED_STATES,
  WRITTEN_STATES,
} from '../../domain/embedding-deployment.ts';

const oneOf = (column: string, states: readonly DeploymentState[]): string =>
  `${column} IN (${states.map((state) => `'${state}'`).join(', ')})`;

const COLUMNS = `d.id, d.workspace_id AS "workspaceId", d.collection_id AS "collectionId", d.version, d.embedder,
  d.model_id AS "modelId", d.dimensions, d.state, d.canary_percent AS "canaryPercent", d.whole,
  d.gap_count AS "gapCount", d.chunk_count AS "chunkCount", d.embedded_count AS "embeddedCount",
  d.text_count AS "textCount", d.character_count AS "characterCount", d.embed_ms AS "embedMs",
  d.shadow_count AS "queryCount", d.shadow_failures AS "failedQueryCount", d.recall_sum AS "recallSum",
  d.ndcg_sum AS "ndcgSum", d.active_ms AS "activeMs", d.candidate_ms AS "candidateMs",
  d.gate_queries AS "queryCountMin", d.gate_recall AS "recallMin", d.error, d.claim,
  d.failure_count AS "failureCount", d.created_by AS "createdBy", d.created_at AS "createdAt",
  d.updated_at AS "updatedAt", d.promoted_at AS "promotedAt", d.demoted_at AS "demotedAt", d.retire_at AS "retireAt"`;
const HAS_WORK = `(d.state = 'RECLAIMING' OR (${oneOf('d.state', WRITTEN_STATES)} AND NOT d.whole))`;

/** $1 workspace, $2 deployment. */
export const FIND = {
  name: 'deployment_find',
  text: `SELECT ${COLUMNS} FROM embedding_deployments d WHERE d.workspace_id = $1 AND d.id = $2`,
};
/** $1 workspace, $2 collection, $3 limit. */
export const LIST = {
  name: 'deployment_list',
  text: `SELECT ${COLUMNS} FROM embedding_deployments d WHERE d.workspace_id = $1 AND d.collection_id = $2
ORDER BY d.version DESC LIMIT $3`,
};
/** $1 workspace. */
export const LIST_LIVE = {
  name: 'deployment_list_live',
  text: `SELECT ${COLUMNS} FROM embedding_deployments d WHERE d.workspace_id = $1 AND d.state <> 'RECLAIMED'
ORDER BY d.collection_id, d.version`,
};

/** $1 workspace, $2 collection: its row is the queue in which the changes of its deployments stand. */
export const LOCK_COLLECTION = {
  name: 'deployment_lock_collection',
  text: 'SELECT id FROM collections WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE',
};
/** The same by deployment: $1 workspace, $2 deployment. */
export const LOCK_COLLECTION_OF = {
  name: 'deployment_lock_collection_of',
  text: `SELECT c.id FROM collections c JOIN embedding_deployments d ON d.collection_id = c.id
WHERE d.workspace_id = $1 AND d.id = $2 FOR NO KEY UPDATE OF c`,
};
/**
 * $1 id, $2 workspace, $3 collection, $4 embedder, $5 model, $6 dimensions, $7 state, $8 queries, $9 recall, $10 user,
 * $11 now.
 */
export const INSERT = {
  name: 'deployment_insert',
  text: `
INSERT INTO embedding_deployments AS d (id, workspace_id, collection_id, version, embedder, model_id, dimensions, state,
  gate_queries, gate_recall, due_at, created_by, created_at, updated_at, promoted_at)
SELECT $1, $2, $3, 1 + coalesce(max(version), 0), $4, $5, $6::int, $7, $8::int, $9::float8, $11::timestamptz, $10,
  $11::timestamptz, $11::timestamptz, CASE WHEN $7 = 'ACTIVE' THEN $11::timestamptz END
FROM embedding_deployments WHERE collection_id = $3 RETURNING ${COLUMNS}`,
};
/** $1 deployment, $2 now. */
export const RESUME = {
  name: 'deployment_resume',
  text: `UPDATE embedding_deployments d SET state = 'BUILDING', error = NULL, failure_count = 0, due_at = $2, updated_at = $2
WHERE d.id = $1 AND d.state = 'FAILED' RETURNING ${COLUMNS}`,
};

/** $1 workspace, $2 deployment, $3 percent, $4 now. */
export const SET_CANARY = {
  name: 'deployment_set_canary',
  text: `
UPDATE embedding_deployments d SET state = CASE WHEN $3::int = 0 THEN 'SHADOW' ELSE 'CANARY' END, canary_percent = $3::int,
  updated_at = $4
WHERE d.workspace_id = $1 AND d.id = $2 AND ${oneOf('d.state', SHADOWED_STATES)} AND d.whole AND NOT EXISTS (
  SELECT 1 FROM embedding_deployments o WHERE o.collection_id = d.collection_id AND o.id <> d.id AND o.state = 'CANARY')
RETURNING ${COLUMNS}`,
};

const activate = (isIt: string, otherwise: DeploymentState): string => `
  state = CASE WHEN ${isIt} THEN 'ACTIVE' ELSE '${otherwise}' END, canary_percent = 0, updated_at = $3::timestamptz,
  promoted_at = CASE WHEN ${isIt} THEN $3::timestamptz ELSE d.promoted_at END,
  demoted_at = CASE WHEN ${isIt} THEN NULL ELSE $3::timestamptz END,
  retire_at = CASE WHEN ${isIt} THEN NULL ELSE $4::timestamptz END`;

/** $1 workspace, $2 deployment, $3 now, $4 end of the soak, $5 force. The swap is one statement. */
export const PROMOTE = {
  name: 'deployment_promote',
  text: `
UPDATE embedding_deployments d SET ${activate('d.id = $2', 'SOAKING')}
FROM embedding_deployments wanted
WHERE wanted.workspace_id = $1 AND wanted.id = $2 AND d.collection_id = wanted.collection_id
  AND ((wanted.whole AND ${oneOf('wanted.state', PROMOTABLE_STATES)})
    OR ($5::boolean AND ${oneOf('wanted.state', FORCIBLE_STATES)}))
  AND (d.id = wanted.id OR d.state = 'ACTIVE')
RETURNING ${COLUMNS}`,
};
/** $1 workspace, $2 deployment, $3 now, $4 end of the soak. */
export const ROLL_BACK = {
  name: 'deployment_roll_back',
  text: `
WITH previous AS (
  SELECT p.id FROM embedding_deployments p JOIN embedding_deployments a ON a.collection_id = p.collection_id
  WHERE a.workspace_id = $1 AND a.id = $2 AND a.state = 'ACTIVE' AND p.state = 'SOAKING'
  ORDER BY p.demoted_at DESC, p.version DESC LIMIT 1
)
UPDATE embedding_deployments d SET ${activate('d.id = previous.id', 'ROLLED_BACK')}
FROM previous WHERE d.id = previous.id OR d.id = $2 RETURNING ${COLUMNS}`,
};
/** $1 workspace, $2 deployment, $3 now, $4 due. The new claim voids that of a worker who still builds. */
export const RETIRE = {
  name: 'deployment_retire',
  text: `UPDATE embedding_deployments d
SET state = 'RECLAIMING', canary_percent = 0, failure_count = 0, claim = d.claim + 1, due_at = $4, updated_at = $3
WHERE d.workspace_id = $1 AND d.id = $2 AND ${oneOf('d.state', RETIRABLE_STATES)} RETURNING ${COLUMNS}`,
};
/** $1 now, $2 due. */
export const EXPIRE = {
  name: 'deployment_expire',
  text: `UPDATE embedding_deployments d
SET state = 'RECLAIMING', failure_count = 0, claim = d.claim + 1, due_at = $2, updated_at = $1
WHERE ${oneOf('d.state', SOAKED_STATES)} AND d.retire_at <= $1 RETURNING d.id`,
};

/** $1 workspace, $2 deployment, $3 queries, $4 failures, $5 recall, $6 nDCG, $7 and $8 milliseconds. */
export const ADD_SHADOW = {
  name: 'deployment_add_shadow',
  text: `UPDATE embedding_deployments d
SET shadow_count = shadow_count + $3::bigint, shadow_failures = shadow_failures + $4::bigint,
  recall_sum = recall_sum + $5::float8, ndcg_sum = ndcg_sum + $6::float8, active_ms = active_ms + $7::float8,
  candidate_ms = candidate_ms + $8::float8
WHERE d.workspace_id = $1 AND d.id = $2 AND ${oneOf('d.state', SHADOWED_STATES)}`,
};
/** $1 workspace, $2 deployment, $3 now. A claim that runs is left to run: at its end it finds the gap. */
export const NOTE_GAP = {
  name: 'deployment_note_gap',
  text: `UPDATE embedding_deployments d
SET gap_count = gap_count + 1, due_at = CASE WHEN whole THEN $3::timestamptz ELSE due_at END, whole = false
WHERE d.workspace_id = $1 AND d.id = $2 AND ${oneOf('d.state', WRITTEN_STATES)}`,
};

/** $1 now, $2 end of the claim. */
export const CLAIM = {
  name: 'deployment_claim',
  text: `
WITH due AS (
  SELECT id FROM embedding_deployments d WHERE (NOT d.whole OR d.state = 'RECLAIMING') AND d.due_at <= $1 AND ${HAS_WORK}
  ORDER BY d.due_at, d.id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE embedding_deployments d SET claim = d.claim + 1, due_at = $2 FROM due WHERE d.id = due.id RETURNING ${COLUMNS}`,
};
/** Of a report: $1 deployment, $2 claim, $3 now. */
const CLAIMED = `d.id = $1 AND d.claim = $2 AND ${HAS_WORK}`;
/** $4 chunks, $5 embedded, $6 texts, $7 characters, $8 milliseconds, $9 due. */
export const REPORT_PROGRESS = {
  name: 'deployment_report_progress',
  text: `UPDATE embedding_deployments d
SET chunk_count = $4::int, embedded_count = $5::int, text_count = text_count + $6::bigint,
  character_count = character_count + $7::bigint, embed_ms = embed_ms + $8::float8, due_at = $9::timestamptz,
  failure_count = 0, error = NULL, updated_at = $3
WHERE ${CLAIMED} RETURNING d.id`,
};
/** $4 gaps at the claim. */
export const REPORT_WHOLE = {
  name: 'deployment_report_whole',
  text: `UPDATE embedding_deployments d
SET whole = true, state = CASE WHEN d.state = 'BUILDING' THEN 'SHADOW' ELSE d.state END, failure_count = 0, error = NULL,
  updated_at = $3
WHERE ${CLAIMED} AND d.gap_count = $4 AND d.state <> 'RECLAIMING' RETURNING d.id`,
};
export const REPORT_RECLAIMED = {
  name: 'deployment_report_reclaimed',
  text: `UPDATE embedding_deployments d SET state = 'RECLAIMED', error = NULL, updated_at = $3
WHERE ${CLAIMED} AND d.state = 'RECLAIMING' RETURNING d.id`,
};
/** $4 error, $5 final, $6 due. */
export const REPORT_FAILED = {
  name: 'deployment_report_failed',
  text: `UPDATE embedding_deployments d
SET state = CASE WHEN $5::boolean AND d.state = 'BUILDING' THEN 'FAILED' ELSE d.state END, error = $4::jsonb,
  due_at = $6::timestamptz, failure_count = d.failure_count + 1, updated_at = $3
WHERE ${CLAIMED} RETURNING d.id`,
};
/** $1 now. What is to be reclaimed keeps its time. */
export const RECOVER_CLAIMS = {
  name: 'deployment_recover_claims',
  text: `UPDATE embedding_deployments d SET due_at = $1 WHERE NOT d.whole AND d.due_at > $1 AND d.state <> 'RECLAIMING'
AND ${HAS_WORK}`,
};
