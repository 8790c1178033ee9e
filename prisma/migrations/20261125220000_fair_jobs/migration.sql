-- A job remembers how far it came, and how often that stage was tried; workspaces take turns.
ALTER TABLE "jobs" ADD COLUMN     "stage" TEXT NOT NULL DEFAULT 'load',
ADD COLUMN     "stage_attempts" INTEGER NOT NULL DEFAULT 0;

UPDATE "jobs" SET "stage_attempts" = "attempt";

ALTER TABLE "jobs"
    ADD CONSTRAINT "jobs_stage_check" CHECK ("stage" IN ('load', 'split', 'embed', 'index', 'verify'));

DROP INDEX "jobs_state_due_at_idx";

CREATE INDEX "jobs_state_workspace_id_due_at_id_idx" ON "jobs"("state", "workspace_id", "due_at", "id");

CREATE TABLE "job_turns" (
    "workspace_id" TEXT NOT NULL,
    "turn" BIGSERIAL NOT NULL,

    CONSTRAINT "job_turns_pkey" PRIMARY KEY ("workspace_id")
);
