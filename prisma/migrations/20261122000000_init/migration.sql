-- Tables, keys and indexes as prisma/schema.prisma has them; what it cannot say stands at the end.

CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "default_workspace_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "workspaces" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "default_collection_id" TEXT NOT NULL,
    "quota_limit_micros" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workspaces_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "memberships" (
    "workspace_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "join_order" BIGSERIAL NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("workspace_id","user_id")
);

CREATE TABLE "collections" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "collections_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "sessions" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "refresh_tokens" (
    "token_hash" TEXT NOT NULL,
    "session_id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "refresh_tokens_pkey" PRIMARY KEY ("token_hash")
);

CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "scopes" TEXT[],
    "secret_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "documents" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "collection_id" TEXT NOT NULL,
    "external_id" TEXT,
    "title" TEXT NOT NULL,
    "media_type" TEXT NOT NULL,
    "metadata" JSONB NOT NULL,
    "status" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "active_version" INTEGER NOT NULL DEFAULT 0,
    "chunk_count" INTEGER NOT NULL DEFAULT 0,
    "error" JSONB,
    "progress_count" INTEGER NOT NULL DEFAULT 0,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "documents_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "document_versions" (
    "document_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "collection_id" TEXT NOT NULL,
    "media_type" TEXT NOT NULL,
    "content_hash" TEXT NOT NULL,
    "byte_length" BIGINT NOT NULL,
    "file_name" TEXT,
    "blob_key" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "document_versions_pkey" PRIMARY KEY ("document_id","version")
);

CREATE TABLE "document_progress" (
    "document_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "stage" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "progress" DOUBLE PRECISION NOT NULL,
    "message" TEXT,

    CONSTRAINT "document_progress_pkey" PRIMARY KEY ("document_id","sequence")
);

CREATE TABLE "uploads" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "file_name" TEXT NOT NULL,
    "media_type" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "status" TEXT NOT NULL,
    "content_hash" TEXT,

    CONSTRAINT "uploads_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "jobs" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "document_id" TEXT NOT NULL,
    "version" INTEGER,
    "state" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "jobs_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "conversations" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "title" TEXT,
    "next_position" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "conversations_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "runs" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "conversation_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "user_message_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "generation" INTEGER NOT NULL DEFAULT 1,
    "lease_owner" TEXT NOT NULL,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,
    "stop_requested" BOOLEAN NOT NULL DEFAULT false,
    "question" TEXT,
    "collection_ids" TEXT[],
    "finish_reason" TEXT,
    "input_tokens" BIGINT,
    "output_tokens" BIGINT,
    "cost_micros" BIGINT,
    "estimated" BOOLEAN,
    "error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "runs_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "idempotency_keys" (
    "workspace_id" TEXT NOT NULL,
    "principal_key" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "payload_hash" TEXT NOT NULL,
    "run_id" TEXT,
    "document_id" TEXT,
    "duplicate" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("workspace_id","principal_key","operation","key")
);

CREATE TABLE "quotas" (
    "workspace_id" TEXT NOT NULL,
    "period" TEXT NOT NULL,
    "used_micros" BIGINT NOT NULL DEFAULT 0,
    "reserved_micros" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "quotas_pkey" PRIMARY KEY ("workspace_id","period")
);

CREATE TABLE "reservations" (
    "run_id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "period" TEXT NOT NULL,
    "amount_micros" BIGINT NOT NULL,

    CONSTRAINT "reservations_pkey" PRIMARY KEY ("run_id")
);

CREATE TABLE "usage_ledger" (
    "run_id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "period" TEXT NOT NULL,
    "model_id" TEXT NOT NULL,
    "input_tokens" BIGINT NOT NULL,
    "output_tokens" BIGINT NOT NULL,
    "cost_micros" BIGINT NOT NULL,
    "estimated" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_ledger_pkey" PRIMARY KEY ("run_id")
);

CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

CREATE INDEX "memberships_user_id_idx" ON "memberships"("user_id");

CREATE UNIQUE INDEX "collections_workspace_id_name_key" ON "collections"("workspace_id", "name");

CREATE INDEX "sessions_user_id_idx" ON "sessions"("user_id");

CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

CREATE INDEX "refresh_tokens_session_id_idx" ON "refresh_tokens"("session_id");

CREATE UNIQUE INDEX "api_keys_secret_hash_key" ON "api_keys"("secret_hash");

CREATE INDEX "api_keys_workspace_id_created_at_id_idx" ON "api_keys"("workspace_id", "created_at" DESC, "id" DESC);

CREATE INDEX "documents_workspace_id_created_at_id_idx" ON "documents"("workspace_id", "created_at" DESC, "id" DESC);

CREATE UNIQUE INDEX "documents_collection_id_external_id_key" ON "documents"("collection_id", "external_id");

CREATE INDEX "document_versions_collection_id_content_hash_idx" ON "document_versions"("collection_id", "content_hash");

CREATE INDEX "uploads_expires_at_idx" ON "uploads"("expires_at");

CREATE INDEX "jobs_state_due_at_idx" ON "jobs"("state", "due_at");

CREATE INDEX "jobs_document_id_idx" ON "jobs"("document_id");

CREATE INDEX "conversations_workspace_id_user_id_updated_at_id_idx" ON "conversations"("workspace_id", "user_id", "updated_at" DESC, "id" DESC);

CREATE UNIQUE INDEX "runs_conversation_id_position_key" ON "runs"("conversation_id", "position");

CREATE INDEX "idempotency_keys_expires_at_idx" ON "idempotency_keys"("expires_at");

CREATE INDEX "idempotency_keys_document_id_idx" ON "idempotency_keys"("document_id");

CREATE INDEX "usage_ledger_workspace_id_period_idx" ON "usage_ledger"("workspace_id", "period");

ALTER TABLE "users" ADD CONSTRAINT "users_default_workspace_id_fkey" FOREIGN KEY ("default_workspace_id") REFERENCES "workspaces"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "memberships" ADD CONSTRAINT "memberships_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "collections" ADD CONSTRAINT "collections_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "sessions" ADD CONSTRAINT "sessions_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "documents" ADD CONSTRAINT "documents_collection_id_fkey" FOREIGN KEY ("collection_id") REFERENCES "collections"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "document_versions" ADD CONSTRAINT "document_versions_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "document_progress" ADD CONSTRAINT "document_progress_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "uploads" ADD CONSTRAINT "uploads_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "conversations" ADD CONSTRAINT "conversations_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "runs" ADD CONSTRAINT "runs_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "quotas" ADD CONSTRAINT "quotas_workspace_id_fkey" FOREIGN KEY ("workspace_id") REFERENCES "workspaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- Not expressible in prisma/schema.prisma: allowed values, invariants, partial indexes.

ALTER TABLE "workspaces"
    ADD CONSTRAINT "workspaces_quota_limit_check" CHECK ("quota_limit_micros" >= 0);

ALTER TABLE "memberships"
    ADD CONSTRAINT "memberships_role_check" CHECK ("role" IN ('OWNER', 'ADMIN', 'EDITOR', 'VIEWER'));

ALTER TABLE "api_keys"
    ADD CONSTRAINT "api_keys_role_check" CHECK ("role" IN ('OWNER', 'ADMIN', 'EDITOR', 'VIEWER')),
    ADD CONSTRAINT "api_keys_scopes_check" CHECK ("scopes" <@ ARRAY['READ', 'WRITE', 'CHAT', 'MANAGE']);

-- A session has at most one refresh token that still works.
CREATE UNIQUE INDEX "refresh_tokens_unused_key" ON "refresh_tokens"("session_id") WHERE "used_at" IS NULL;

ALTER TABLE "documents"
    ADD CONSTRAINT "documents_status_check" CHECK ("status" IN ('QUEUED', 'PROCESSING', 'READY', 'FAILED')),
    ADD CONSTRAINT "documents_version_check" CHECK ("version" >= 1 AND "active_version" BETWEEN 0 AND "version"),
    ADD CONSTRAINT "documents_count_check" CHECK ("chunk_count" >= 0 AND "progress_count" >= 0);

ALTER TABLE "document_versions"
    ADD CONSTRAINT "document_versions_content_check" CHECK ("byte_length" >= 0 AND "content_hash" ~ '^[0-9a-f]{64}$');

ALTER TABLE "document_progress"
    ADD CONSTRAINT "document_progress_status_check" CHECK ("status" IN ('QUEUED', 'PROCESSING', 'READY', 'FAILED')),
    ADD CONSTRAINT "document_progress_range_check" CHECK ("sequence" >= 0 AND "progress" BETWEEN 0 AND 1);

ALTER TABLE "uploads"
    ADD CONSTRAINT "uploads_status_check" CHECK ("status" IN ('CREATED', 'RECEIVED', 'INGESTED')),
    ADD CONSTRAINT "uploads_size_check" CHECK ("size" >= 0);

ALTER TABLE "jobs"
    ADD CONSTRAINT "jobs_kind_check" CHECK (("kind" = 'ingest' AND "version" IS NOT NULL) OR ("kind" = 'purge' AND "version" IS NULL)),
    ADD CONSTRAINT "jobs_state_check" CHECK ("state" IN ('queued', 'active', 'dead'));

ALTER TABLE "runs"
    ADD CONSTRAINT "runs_status_check" CHECK ("status" IN ('QUEUED', 'RUNNING', 'COMPLETED', 'STOPPED', 'FAILED')),
    ADD CONSTRAINT "runs_finish_reason_check" CHECK ("finish_reason" IN ('COMPLETED', 'STOPPED', 'LIMIT', 'ABSTAINED')),
    ADD CONSTRAINT "runs_generation_check" CHECK ("generation" >= 1),
    -- A run is settled with its usage and without its question, or it has a question and no usage: never between.
    ADD CONSTRAINT "runs_settled_check" CHECK (
        CASE WHEN "status" IN ('QUEUED', 'RUNNING')
            THEN "settled_at" IS NULL AND "cost_micros" IS NULL AND "question" IS NOT NULL
            ELSE "settled_at" IS NOT NULL AND "cost_micros" IS NOT NULL AND "question" IS NULL
        END
    );

-- Only unsettled runs have a lease to look for: the index stays as small as the work in flight.
CREATE INDEX "runs_lease_idx" ON "runs"("lease_until") WHERE "status" IN ('QUEUED', 'RUNNING');

ALTER TABLE "idempotency_keys"
    ADD CONSTRAINT "idempotency_keys_target_check" CHECK (num_nonnulls("run_id", "document_id") = 1);

ALTER TABLE "quotas"
    ADD CONSTRAINT "quotas_period_check" CHECK ("period" ~ '^[0-9]{4}-[0-9]{2}$'),
    ADD CONSTRAINT "quotas_not_negative_check" CHECK ("used_micros" >= 0 AND "reserved_micros" >= 0);

ALTER TABLE "reservations"
    ADD CONSTRAINT "reservations_amount_check" CHECK ("amount_micros" >= 0);

ALTER TABLE "usage_ledger"
    ADD CONSTRAINT "usage_ledger_not_negative_check" CHECK ("input_tokens" >= 0 AND "output_tokens" >= 0 AND "cost_micros" >= 0);

-- What was billed is never rewritten, whoever connects.
CREATE FUNCTION "refuse_ledger_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'usage_ledger is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER "usage_ledger_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "usage_ledger"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_ledger_change"();
