import type { IngestionStage } from '../../domain/document.ts';
import { laterStage } from '../../domain/job-attempts.ts';
import type { StageReport } from './ingestion.ts';

/** How far a claim has come, for its heartbeats and its failure. */
export class StageTracker implements StageReport {
  readonly from: IngestionStage;
  #furthest: IngestionStage;

  constructor(from: IngestionStage) {
    this.from = from;
    this.#furthest = from;
  }

  get furthest(): IngestionStage {
    return this.#furthest;
  }

  at(stage: IngestionStage): void {
    this.#furthest = laterStage(this.#furthest, stage);
  }
}
