import type { Passage } from '../../../domain/document.ts';
import { analyze } from '../../../domain/text-analyzer.ts';
import { type SentenceSpan, sentenceSpans } from './sentences.ts';

const QUOTE_LENGTH_MAX = 800;

export interface Quote {
  /** Offsets in the document's stored text. */
  readonly sourceStart: number;
  readonly sourceEnd: number;
  readonly quote: string;
}

/** The span of a passage, cut to what a quote may be long. */
export function quoteOf(passage: Passage, span: Pick<SentenceSpan, 'start' | 'end'>): Quote {
  const { start, text } = passage.chunk;
  const quote = text.slice(span.start, Math.min(span.end, span.start + QUOTE_LENGTH_MAX)).trimEnd();
  const wellFormed = quote.isWellFormed() ? quote : quote.slice(0, -1);
  const sourceStart = start + span.start;
  return { sourceStart, sourceEnd: sourceStart + wellFormed.length, quote: wellFormed };
}

/** The sentence of a passage that supports a claim best, by shared stems; its first one if none shares any. */
export function bestQuote(passage: Passage, claim: string): Quote {
  const { text } = passage.chunk;
  const spans = sentenceSpans(text);
  const wanted = new Set(analyze(claim));
  let best: SentenceSpan | undefined;
  let bestScore = -1;
  for (const span of spans) {
    const score = overlap(wanted, analyze(text.slice(span.start, span.end)));
    if (score > bestScore) {
      best = span;
      bestScore = score;
    }
  }
  return quoteOf(passage, best ?? { start: 0, end: text.length });
}

/** Shared stems over the geometric mean of both sizes; longer words, which say more, count for more. */
function overlap(wanted: ReadonlySet<string>, terms: readonly string[]): number {
  const distinct = new Set(terms);
  let shared = 0;
  for (const term of distinct) if (wanted.has(term)) shared += Math.min(term.length, 8);
  return shared === 0 ? 0 : shared / Math.sqrt(wanted.size * distinct.size);
}
