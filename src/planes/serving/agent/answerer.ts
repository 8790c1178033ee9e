import type { Message } from '../../../domain/conversation.ts';
import type { Passage } from '../../../domain/document.ts';
import type { FinishReason } from '../../../domain/run.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { CitationCandidate } from './citation-checker.ts';
import type { FinishedSteps } from './finished-steps.ts';
import type { UsageMeter } from './usage-meter.ts';

export interface AnswerRequest {
  readonly scope: WorkspaceScope;
  /** The user's words. */
  readonly question: string;
  /** The question as it would stand alone. */
  readonly query: string;
  readonly history: readonly Message[];
  readonly passages: readonly Passage[];
  /** False: small talk, which nothing was searched for. */
  readonly retrieved: boolean;
  /** Text that earlier attempts have shown: it stands, and the answer goes on behind it. */
  readonly shown: string;
  readonly finished: FinishedSteps;
  readonly sink: AnswerSink;
  readonly usage: UsageMeter;
  cite(candidate: CitationCandidate): void;
  /** Another search in the same selection. */
  search(query: string): Promise<readonly Passage[]>;
  readonly signal: AbortSignal;
}
export type AnswerFinish = Exclude<FinishReason, 'STOPPED'>;

export interface Answerer {
  readonly modelId: string;
  /** Upper bounds of what one run may consume, for the reservation. */
  bounds(question: string): { readonly inputTokens: number; readonly outputTokens: number };
  /** Streams into the request's sink. Throws the signal's reason when aborted, DomainError MODEL_FAILED otherwise. */
  answer(request: AnswerRequest): Promise<AnswerFinish>;
}
