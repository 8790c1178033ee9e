-- CreateTable
CREATE TABLE "embedding_deployments" (
    "id" TEXT NOT NULL,
    "workspace_id" TEXT NOT NULL,
    "collection_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "embedder" TEXT NOT NULL,
    "model_id" TEXT NOT NULL,
    "dimensions" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "canary_percent" INTEGER NOT NULL DEFAULT 0,
    "whole" BOOLEAN NOT NULL DEFAULT false,
    "gap_count" INTEGER NOT NULL DEFAULT 0,
    "chunk_count" INTEGER NOT NULL DEFAULT 0,
    "embedded_count" INTEGER NOT NULL DEFAULT 0,
    "text_count" BIGINT NOT NULL DEFAULT 0,
    "character_count" BIGINT NOT NULL DEFAULT 0,
    "embed_ms" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "shadow_count" BIGINT NOT NULL DEFAULT 0,
    "shadow_failures" BIGINT NOT NULL DEFAULT 0,
    "recall_sum" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "ndcg_sum" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "active_ms" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "candidate_ms" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "gate_queries" INTEGER NOT NULL,
    "gate_recall" DOUBLE PRECISION NOT NULL,
    "error" JSONB,
    "claim" INTEGER NOT NULL DEFAULT 0,
    "failure_count" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "promoted_at" TIMESTAMPTZ(3),
    "demoted_at" TIMESTAMPTZ(3),
    "retire_at" TIMESTAMPTZ(3),

    CONSTRAINT "embedding_deployments_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "embedding_deployments_collection_id_version_key" ON "embedding_deployments"("collection_id", "version");

-- CreateIndex
CREATE INDEX "embedding_deployments_workspace_id_idx" ON "embedding_deployments"("workspace_id");

-- AddForeignKey
ALTER TABLE "embedding_deployments" ADD CONSTRAINT "embedding_deployments_collection_id_fkey" FOREIGN KEY ("collection_id") REFERENCES "collections"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma's language cannot say.
ALTER TABLE "embedding_deployments"
    ADD CONSTRAINT "embedding_deployments_state_check" CHECK ("state" IN ('BUILDING', 'SHADOW', 'CANARY', 'ACTIVE', 'SOAKING', 'ROLLED_BACK', 'FAILED', 'RECLAIMING', 'RECLAIMED')),
    ADD CONSTRAINT "embedding_deployments_canary_check" CHECK ("canary_percent" BETWEEN 0 AND 100 AND ("canary_percent" > 0) = ("state" = 'CANARY')),
    ADD CONSTRAINT "embedding_deployments_soak_check" CHECK (("retire_at" IS NOT NULL) >= ("state" IN ('SOAKING', 'ROLLED_BACK'))),
    -- Deferred to the commit: one statement swaps the ACTIVE one for another, whatever order it takes its rows in.
    ADD CONSTRAINT "embedding_deployments_one_active" EXCLUDE USING btree ("collection_id" WITH =) WHERE ("state" = 'ACTIVE') DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT "embedding_deployments_one_canary" EXCLUDE USING btree ("collection_id" WITH =) WHERE ("state" = 'CANARY') DEFERRABLE INITIALLY DEFERRED;

-- A model is deployed once at a time: reclaiming one deployment must not take the vectors of another.
CREATE UNIQUE INDEX "embedding_deployments_live_model_idx" ON "embedding_deployments"("collection_id", "model_id", "dimensions") WHERE "state" <> 'RECLAIMED';

-- Only what has work to do is looked for: the index stays as small as that.
CREATE INDEX "embedding_deployments_due_idx" ON "embedding_deployments"("due_at") WHERE NOT "whole" OR "state" = 'RECLAIMING';
