import type { Judgements } from '../../domain/evaluation/ranking-metrics.ts';
import type { Span } from '../../domain/evaluation/span-recall.ts';

export interface DatasetDocument {
  readonly id: string;
  readonly text: string;
  readonly mediaType: 'text/plain' | 'text/markdown';
}
export interface JudgedQuestion {
  readonly id: string;
  readonly text: string;
  readonly judgements: Judgements;
}
export interface SpanQuestion {
  readonly id: string;
  readonly text: string;
  /** Where the documents hold the answer. */
  readonly references: readonly Span[];
}

/** Documents, and questions of which somebody said what answers them: whole documents, or spans of them. */
export type Dataset = { readonly name: string; readonly documents: readonly DatasetDocument[] } & (
  | { readonly kind: 'documents'; readonly questions: readonly JudgedQuestion[] }
  | { readonly kind: 'spans'; readonly questions: readonly SpanQuestion[] }
);
