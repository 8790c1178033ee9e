import { inverseDocumentFrequency } from '../../../domain/bm25.ts';
import type { Passage } from '../../../domain/document.ts';
import { analyze } from '../../../domain/text-analyzer.ts';
import { type SentenceSpan, sentenceSpans } from './sentences.ts';
import { contentTerms } from './stop-words.ts';

/** Shares of the three witnesses: the best of a grid on 408 questions with marked answers in five kinds of text. */
const COVERAGE_WEIGHT = 0.55;
const SIMILARITY_WEIGHT = 0.3;
const PASSAGE_WEIGHT = 0.15;
/** A heading says what its sentences are about, and so, less, does the sentence before. */
const HEADING_SHARE = 0.5;
const CONTEXT_SHARE = 0.25;
/** Imagined beside the sentences at hand: in a workspace of two sentences both may hold the word that matters. */
const BACKGROUND_SENTENCES = 30;
/** A word that is nowhere in what was found is more likely another way to say it than the subject itself. */
const ABSENT_SHARE = 0.7;
const WORDS_MIN = 5;
const WORDS_MAX = 60;

export interface RankedSentence {
  readonly passage: Passage;
  readonly passageIndex: number;
  readonly span: SentenceSpan;
  readonly text: string;
  readonly terms: ReadonlySet<string>;
  /** Share of the question's weight that the sentence itself, its heading and its context hold: 0 to 1. */
  readonly coverage: number;
  /** Cosine of question and sentence; 0 where the embedder knows neither. */
  readonly similarity: number;
  readonly score: number;
}
interface Sentence {
  readonly passage: Passage;
  readonly passageIndex: number;
  readonly span: SentenceSpan;
  readonly text: string;
  readonly terms: ReadonlySet<string>;
  readonly around: ReadonlySet<string>;
  readonly before: ReadonlySet<string>;
}

/** Every sentence of the passages, once; overlapping chunks of one document bring the same sentence twice. */
export function collectSentences(passages: readonly Passage[]): Sentence[] {
  const seen = new Set<string>();
  return passages.flatMap((passage, passageIndex) => {
    const { text, headingPath, start, documentId } = passage.chunk;
    const around = new Set(analyze([passage.documentTitle, ...headingPath].join(' ')));
    let before: ReadonlySet<string> = new Set();
    return sentenceSpans(text).flatMap((span) => {
      const words = text.slice(span.start, span.end);
      const terms = new Set(analyze(words));
      const sentence = { passage, passageIndex, span, text: words, terms, around, before };
      before = terms;
      const place = `${documentId} ${start + span.start}`;
      if (seen.has(place) || seen.has(words)) return [];
      seen.add(place).add(words);
      return [sentence];
    });
  });
}

/** Best first; the order is the same for the same input. `similarities`: one a sentence. */
export function rankSentences(
  question: string,
  sentences: readonly Sentence[],
  similarities: readonly number[],
): RankedSentence[] {
  const weights = termWeights(contentTerms(question), sentences);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const ranked = sentences.map((sentence, index) => {
    const coverage = total === 0 ? 0 : heldWeight(sentence, weights) / total;
    const similarity = Math.max(0, similarities[index] ?? 0);
    const evidence =
      COVERAGE_WEIGHT * coverage + SIMILARITY_WEIGHT * similarity + PASSAGE_WEIGHT * sentence.passage.score;
    return { ...sentence, coverage, similarity, score: evidence * readability(sentence) };
  });
  return ranked.sort(
    (a, b) => b.score - a.score || a.passageIndex - b.passageIndex || a.span.start - b.span.start,
  );
}

/** Idf among the sentences at hand: what all of them share does not tell them apart. */
function termWeights(terms: readonly string[], sentences: readonly Sentence[]): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const term of terms) {
    const frequency = sentences.reduce((count, sentence) => count + (sentence.terms.has(term) ? 1 : 0), 0);
    const weight = inverseDocumentFrequency(sentences.length + BACKGROUND_SENTENCES, frequency);
    weights.set(term, frequency === 0 ? weight * ABSENT_SHARE : weight);
  }
  return weights;
}

function heldWeight(sentence: Sentence, weights: ReadonlyMap<string, number>): number {
  let held = 0;
  for (const [term, weight] of weights) {
    if (sentence.terms.has(term)) held += weight;
    else if (sentence.around.has(term)) held += weight * HEADING_SHARE;
    else if (sentence.before.has(term)) held += weight * CONTEXT_SHARE;
  }
  return held;
}

/** Below 1 for what reads badly out of its place: fragments, questions, announcements of a list, table rows, links. */
function readability({ text, span }: Sentence): number {
  const words = text.split(/\s+/).length;
  let factor = 1;
  if (words < WORDS_MIN) factor *= 0.6;
  if (words > WORDS_MAX) factor *= 0.8;
  if (/[?？]["'”’)]*$/.test(text)) factor *= 0.5;
  if (/[:：]$/.test(text)) factor *= 0.7;
  if (span.kind === 'row') factor *= 0.7;
  if (/^(?:this|that|these|those|it|they|he|she|such|but|however|therefore|thus)\b/i.test(text))
    factor *= 0.9;
  if (isReference(text)) factor *= 0.3;
  return factor;
}

/** Points somewhere else instead of saying something: little is left of it without its links. */
function isReference(text: string): boolean {
  if (/^(?:see|see also|read more|more on)\b/i.test(text)) return true;
  const rest = text.replaceAll(/!?\[[^\]]*\]\([^)]*\)|https?:\/\/\S+/g, '');
  return (
    rest.length < text.length && rest.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length < WORDS_MIN
  );
}
