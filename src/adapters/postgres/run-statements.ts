/**
 * The hot path of a message, each step one statement, so one round trip and atomic by itself. Locks are always taken in
 * one order (run, quota, conversation, key), so these statements never deadlock each other.
 */

const RUN = `r.id, r.workspace_id AS "workspaceId", r.conversation_id AS "conversationId", r.user_id AS "userId",
  r.user_message_id AS "userMessageId", r.position, r.status, r.generation, r.lease_owner AS "leaseOwner",
  r.lease_until AS "leaseUntil", r.stop_requested AS "stopRequested", r.question, r.collection_ids AS "collectionIds",
  r.finish_reason AS "finishReason", r.input_tokens AS "inputTokens", r.output_tokens AS "outputTokens",
  r.cost_micros AS "costMicros", r.estimated, r.error, r.created_at AS "createdAt"`;

/**
 * $1 workspace, $2 run, $3 user, $4 user's message, $5 question, $6 collections, $7 conversation, $8 is it new, $9 its
 * title, $10 lease owner, $11 lease end, $12 reservation, $13 period, $14 now, then the idempotency claim or nulls:
 * $15 principal, $16 operation, $17 key, $18 payload hash, $19 expiry.
 *
 * Every part hangs on the one before it, so a refusal writes nothing. The quota row's lock lets the sends of a workspace
 * through one by one, each judged against what is really reserved. Of two sends with one new key, the second fails on
 * the key's primary key, which undoes all of it; run again, it finds the first.
 */
export const BEGIN_RUN = {
  name: 'run_begin',
  text: `
WITH known AS (
  SELECT payload_hash, run_id FROM idempotency_keys
  WHERE workspace_id = $1 AND principal_key = $15 AND operation = $16 AND key = $17 AND expires_at > $14::timestamptz
), admitted AS (
  SELECT w.quota_limit_micros AS quota_limit FROM workspaces w
  WHERE w.id = $1 AND NOT EXISTS (SELECT FROM known) AND ($8::boolean OR EXISTS (
    SELECT FROM conversations c WHERE c.id = $7 AND c.workspace_id = $1 AND c.user_id = $3))
), reserved AS (
  INSERT INTO quotas AS q (workspace_id, period, reserved_micros)
  SELECT $1, $13, $12::bigint FROM admitted a WHERE a.quota_limit IS NULL OR $12::bigint <= a.quota_limit
  ON CONFLICT (workspace_id, period) DO UPDATE SET reserved_micros = q.reserved_micros + excluded.reserved_micros
  WHERE (SELECT a.quota_limit IS NULL
    OR q.used_micros + q.reserved_micros + excluded.reserved_micros <= a.quota_limit FROM admitted a)
  RETURNING 1
), extended AS (
  UPDATE conversations c
  SET next_position = c.next_position + 2, updated_at = GREATEST(c.updated_at, $14::timestamptz)
  WHERE c.id = $7 AND c.workspace_id = $1 AND c.user_id = $3 AND NOT $8::boolean AND EXISTS (SELECT FROM reserved)
  RETURNING c.title, c.created_at, c.updated_at, c.next_position - 2 AS position
), opened AS (
  INSERT INTO conversations (id, workspace_id, user_id, title, next_position, created_at, updated_at)
  SELECT $7, $1, $3, $9, 2, $14::timestamptz, $14::timestamptz FROM reserved WHERE $8::boolean
  RETURNING title, created_at, updated_at, 0 AS position
), conversation AS (
  SELECT * FROM extended UNION ALL SELECT * FROM opened
), started AS (
  INSERT INTO runs (id, workspace_id, conversation_id, user_id, user_message_id, position, status, lease_owner,
    lease_until, question, collection_ids, created_at)
  SELECT $2, $1, $7, $3, $4, position, 'QUEUED', $10, $11::timestamptz, $5, $6::text[], $14::timestamptz
  FROM conversation
  RETURNING 1
), held AS (
  INSERT INTO reservations (run_id, workspace_id, period, amount_micros)
  SELECT $2, $1, $13, $12::bigint FROM started
), forgotten AS (
  DELETE FROM idempotency_keys
  WHERE workspace_id = $1 AND principal_key = $15 AND operation = $16 AND key = $17 AND expires_at <= $14::timestamptz
  RETURNING 1
), claimed AS (
  INSERT INTO idempotency_keys (workspace_id, principal_key, operation, key, payload_hash, run_id, expires_at)
  SELECT $1, $15, $16, $17, $18, $2, $19::timestamptz FROM started
  -- Counting makes the deletion come first.
  WHERE $17::text IS NOT NULL AND (SELECT count(*) FROM forgotten) >= 0
)
SELECT (SELECT payload_hash FROM known) AS "knownHash", (SELECT run_id FROM known) AS "knownRunId",
  EXISTS (SELECT FROM admitted) AS admitted, c.title, c.created_at AS "createdAt", c.updated_at AS "updatedAt",
  c.position
FROM (SELECT) one LEFT JOIN conversation c ON true`,
};

export const FIND_RUN = {
  name: 'run_find',
  text: `SELECT ${RUN} FROM runs r WHERE r.id = $1 AND r.workspace_id = $2`,
};

export const FIND_RUN_AND_CONVERSATION = {
  name: 'run_find_with_conversation',
  text: `SELECT ${RUN}, c.title AS "conversationTitle", c.created_at AS "conversationCreatedAt",
  c.updated_at AS "conversationUpdatedAt"
FROM runs r JOIN conversations c ON c.id = r.conversation_id WHERE r.id = $1 AND r.workspace_id = $2`,
};

/** $1 ids, $2 generations, $3 owner, $4 lease end. Whoever keeps a lease works on the run. */
export const HEARTBEAT_RUNS = {
  name: 'run_heartbeat',
  text: `
UPDATE runs r SET lease_until = $4, status = 'RUNNING'
FROM unnest($1::text[], $2::int[]) AS held (id, generation)
WHERE r.id = held.id AND r.generation = held.generation AND r.lease_owner = $3 AND r.status IN ('QUEUED', 'RUNNING')
RETURNING r.id, r.stop_requested AS "stopRequested"`,
};

/** $1 now, $2 owner, $3 lease end, $4 limit. A row that another node is just claiming is skipped, not waited for. */
export const CLAIM_EXPIRED_RUNS = {
  name: 'run_claim_expired',
  text: `
WITH due AS (
  SELECT id FROM runs WHERE status IN ('QUEUED', 'RUNNING') AND lease_until <= $1
  ORDER BY lease_until LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE runs r SET generation = r.generation + 1, lease_owner = $2, lease_until = $3, status = 'RUNNING'
FROM due WHERE r.id = due.id RETURNING ${RUN}`,
};

export const REQUEST_STOP = {
  name: 'run_request_stop',
  text: `UPDATE runs SET stop_requested = true
WHERE id = $1 AND workspace_id = $2 AND status IN ('QUEUED', 'RUNNING') RETURNING id`,
};

/**
 * $1 run, $2 workspace, $3 generation, $4 status, $5 finish reason, $6 error, $7 input tokens, $8 output tokens, $9 cost,
 * $10 estimated, $11 model, $12 now. Only the statement that turns the run settled finds a target, and everything else
 * hangs on that: twice is once. Usage is billed to the period in which it was reserved.
 */
export const SETTLE_RUN = {
  name: 'run_settle',
  text: `
WITH target AS (
  UPDATE runs SET status = $4, finish_reason = $5, error = $6::jsonb, input_tokens = $7::bigint,
    output_tokens = $8::bigint, cost_micros = $9::bigint, estimated = $10::boolean, settled_at = $12::timestamptz,
    question = NULL
  WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status IN ('QUEUED', 'RUNNING')
  RETURNING id, user_id, conversation_id
), released AS (
  DELETE FROM reservations r USING target t WHERE r.run_id = t.id RETURNING r.run_id, r.period, r.amount_micros
), charged AS (
  UPDATE quotas q
  SET reserved_micros = q.reserved_micros - r.amount_micros, used_micros = q.used_micros + $9::bigint
  FROM released r WHERE q.workspace_id = $2 AND q.period = r.period
  RETURNING 1
), recorded AS (
  INSERT INTO usage_ledger (run_id, workspace_id, user_id, period, model_id, input_tokens, output_tokens, cost_micros,
    estimated, created_at)
  SELECT t.id, $2, t.user_id, r.period, $11, $7::bigint, $8::bigint, $9::bigint, $10::boolean, $12::timestamptz
  FROM target t JOIN released r ON r.run_id = t.id
  ON CONFLICT (run_id) DO NOTHING
), touched AS (
  UPDATE conversations c SET updated_at = GREATEST(c.updated_at, $12::timestamptz)
  FROM target t WHERE c.id = t.conversation_id AND (SELECT count(*) FROM charged) >= 0
)
SELECT id FROM target`,
};
