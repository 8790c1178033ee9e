import type { Citation } from '../../../domain/citation.ts';
import type { Passage } from '../../../domain/document.ts';
import type { Run } from '../../../domain/run.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { AnswerFinish } from './answerer.ts';
import type { CitationChecker, CitationCounts } from './citation-checker.ts';
import type { FinishedSteps } from './finished-steps.ts';
import type { UsageMeter } from './usage-meter.ts';

export interface AgentRequest {
  readonly run: Run;
  readonly question: string;
  /** Text and citations that earlier attempts have shown. */
  readonly shown: {
    readonly text: string;
    readonly citations: readonly Citation[];
    readonly retrieved: boolean;
    readonly finished: FinishedSteps;
  };
  readonly sink: AnswerSink;
  readonly usage: UsageMeter;
  readonly signal: AbortSignal;
}
export interface AgentOutcome {
  readonly finish: AnswerFinish;
  readonly citations: CitationCounts;
}

/** What one walk through the graph carries beside its state: ports and streams, which no checkpoint could hold. */
export interface AgentRun extends AgentRequest {
  readonly citations: CitationChecker;
  search(query: string): Promise<readonly Passage[]>;
}
