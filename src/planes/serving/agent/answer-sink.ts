import type { StepResult } from '../../../domain/ports/runs.ts';
import type { RunEventBody } from '../../../domain/run.ts';

/** Where an answer goes. Calls never throw and never wait; what comes after the end of the run is ignored. */
export interface AnswerSink {
  /** All text accepted so far, that of earlier attempts included. */
  readonly text: string;
  delta(text: string): void;
  /** `finished`: the result of the step that the event reports; durable with it. */
  event(event: AnswerEvent, finished?: StepResult): void;
  /** Resolves when everything accepted so far is durable, or never will be. */
  flushed(): Promise<void>;
}
export type AnswerEvent = Extract<
  RunEventBody,
  { readonly type: 'RetrievalEnd' | 'ToolCallStart' | 'ToolCallEnd' | 'CitationAdded' }
>;
