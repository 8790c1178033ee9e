import { INGESTION_STAGES, type IngestionStage } from './document.ts';
import type { ClaimedJob } from './ports/documents.ts';

/** A stage that fails, or kills its worker, this often is given up. */
export const STAGE_ATTEMPTS_MAX = 5;

export function laterStage(left: IngestionStage, right: IngestionStage): IngestionStage {
  return INGESTION_STAGES.indexOf(left) >= INGESTION_STAGES.indexOf(right) ? left : right;
}

export function earlierStage(left: IngestionStage, right: IngestionStage): IngestionStage {
  return left === laterStage(left, right) ? right : left;
}

/** How often `stage` has been tried, this time included: a claim that got further is the new stage's first attempt. */
export function stageAttemptAt(claimed: ClaimedJob, stage: IngestionStage): number {
  return stage === claimed.stage ? claimed.stageAttempt : 1;
}

/** True: a failure at this stage is final. */
export function isLastAttempt(claimed: ClaimedJob, stage: IngestionStage): boolean {
  return stageAttemptAt(claimed, stage) >= STAGE_ATTEMPTS_MAX;
}
