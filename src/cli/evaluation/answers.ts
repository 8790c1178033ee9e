import type { MultiDbClient } from '../../client/index.ts';
import { type Latency, latencyOf } from '../../domain/evaluation/latency.ts';
import type { Dataset, DatasetDocument, JudgedQuestion } from './dataset.ts';

/** Of one question: what its answer cited, or that there was none. */
export interface AnsweredQuestion {
  /** True when the documents hold the answer, false when those that do were left out. */
  readonly answerable: boolean;
  readonly abstained: boolean;
  /** The first cited document is one that answers. */
  readonly citesRight: boolean;
  readonly citationCount: number;
  /** Citations whose quote stands in the document at their offsets, to the letter. */
  readonly verbatimCount: number;
}

export interface AnswerMeasurement {
  readonly questions: readonly AnsweredQuestion[];
  /** From sending to the last event. */
  readonly latencyMs: Latency;
}

/** One half of the questions is asked with the documents that answer them, the other half without. */
export interface Fold {
  readonly documents: readonly DatasetDocument[];
  readonly answerable: readonly JudgedQuestion[];
  readonly unanswerable: readonly JudgedQuestion[];
}

/**
 * Every question once in each role: in one fold with its documents, in the other without. Questions that share a
 * document with the other half lose it too, and are not asked where that leaves them with some.
 */
export function foldsOf({ documents, ...dataset }: Dataset & { readonly kind: 'documents' }): Fold[] {
  return [0, 1].map((parity) => {
    const removed = new Set(
      dataset.questions.filter((_, index) => index % 2 === parity).flatMap((question) => relevant(question)),
    );
    const isAnswerable = (question: JudgedQuestion) => relevant(question).every((id) => !removed.has(id));
    const isUnanswerable = (question: JudgedQuestion) => relevant(question).every((id) => removed.has(id));
    return {
      documents: documents.filter(({ id }) => !removed.has(id)),
      answerable: dataset.questions.filter(isAnswerable),
      unanswerable: dataset.questions.filter(isUnanswerable),
    };
  });
}

function relevant({ judgements }: JudgedQuestion): string[] {
  return [...judgements].flatMap(([id, grade]) => (grade > 0 ? [id] : []));
}

export interface AnswersOptions {
  readonly fold: Fold;
  /** Ids in the data set of each stored document. */
  readonly idsOf: ReadonlyMap<string, readonly string[]>;
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number) => void;
}

/** Asks every question of a fold in a conversation of its own, one after the other. */
export async function measureAnswers(
  client: MultiDbClient,
  { fold, idsOf, signal, onProgress }: AnswersOptions,
): Promise<AnswerMeasurement> {
  const texts = new Map(fold.documents.map(({ id, text }) => [id, text]));
  const asked = [
    ...fold.answerable.map((question) => ({ question, answerable: true })),
    ...fold.unanswerable.map((question) => ({ question, answerable: false })),
  ];
  const questions: AnsweredQuestion[] = [];
  const durationsMs: number[] = [];
  for (const { question, answerable } of asked) {
    const startedAt = performance.now();
    const { citations, finishReason } = await client.ask(question.text, { signal }).finished();
    durationsMs.push(performance.now() - startedAt);
    const cited = citations.map(({ document, sourceStart, sourceEnd, quote }) => {
      const ids = idsOf.get(document?.id ?? '') ?? [];
      return { ids, verbatim: ids.some((id) => texts.get(id)?.slice(sourceStart, sourceEnd) === quote) };
    });
    questions.push({
      answerable,
      abstained: finishReason === 'ABSTAINED',
      citesRight: cited[0]?.ids.some((id) => (question.judgements.get(id) ?? 0) > 0) ?? false,
      citationCount: cited.length,
      verbatimCount: cited.filter(({ verbatim }) => verbatim).length,
    });
    onProgress(questions.length / asked.length);
  }
  return { questions, latencyMs: latencyOf(durationsMs) };
}

/** Shares from 0 to 1. An answerable question that is not answered counts as cited wrongly. */
export function answerMetrics(questions: readonly AnsweredQuestion[]): Record<string, number> {
  const answerable = questions.filter((question) => question.answerable);
  const unanswerable = questions.filter((question) => !question.answerable);
  const share = (of: readonly AnsweredQuestion[], is: (question: AnsweredQuestion) => boolean) =>
    of.length === 0 ? 0 : of.filter(is).length / of.length;
  const total = (of: 'citationCount' | 'verbatimCount') =>
    questions.reduce((sum, question) => sum + question[of], 0);
  return {
    'cites-right': share(answerable, ({ citesRight }) => citesRight),
    'abstains-wrongly': share(answerable, ({ abstained }) => abstained),
    'abstains-rightly': share(unanswerable, ({ abstained }) => abstained),
    verbatim: total('citationCount') === 0 ? 1 : total('verbatimCount') / total('citationCount'),
  };
}
