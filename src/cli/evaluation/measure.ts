import type { MultiDbClient } from '../../client/index.ts';
import { type Latency, latencyOf, mean } from '../../domain/evaluation/latency.ts';
import { measureRanking } from '../../domain/evaluation/ranking-metrics.ts';
import { spanRecall } from '../../domain/evaluation/span-recall.ts';
import { type Configuration, searchOptionsOf } from './configuration.ts';
import type { Dataset, JudgedQuestion, SpanQuestion } from './dataset.ts';
import type { Ingested } from './product.ts';

/** As many as one search gives. */
const FIRST = 100;
const SPAN_LENGTH_MAX = 4_000;
const SPAN_METRIC = `span-recall@${SPAN_LENGTH_MAX}`;

export interface Measurement {
  readonly configuration: Configuration;
  /** Means over the questions. */
  readonly metrics: Readonly<Record<string, number>>;
  /** By question that has an answer, in the order of the data set. */
  readonly byQuestion: readonly Readonly<Record<string, number>>[];
  /** Of one search, as the client sees it. */
  readonly latencyMs: Latency;
}

export interface MeasureOptions {
  readonly dataset: Dataset;
  readonly ingested: Ingested;
  readonly configuration: Configuration;
  readonly signal: AbortSignal;
  /** Gets the share of the questions that have been asked. */
  readonly onProgress?: (fraction: number) => void;
}

/** Asks every question, one after the other, and scores what comes back. */
export async function measure(client: MultiDbClient, options: MeasureOptions): Promise<Measurement> {
  const { dataset, ingested, configuration, signal, onProgress } = options;
  const durationsMs: number[] = [];
  const byQuestion: Readonly<Record<string, number>>[] = [];
  const search = async (text: string, onePerDocument: boolean) => {
    const startedAt = performance.now();
    const settings = searchOptionsOf(configuration);
    const passages = await client.search(text, { first: FIRST, onePerDocument, ...settings, signal });
    durationsMs.push(performance.now() - startedAt);
    return passages.map(({ document, start, end }) => ({
      documentIds: ingested.idsOf.get(document.id) ?? [],
      ...{ start, end },
    }));
  };
  const results =
    dataset.kind === 'documents' ? rank(dataset.questions, search) : cover(dataset.questions, search);
  for await (const metrics of results) {
    onProgress?.(durationsMs.length / dataset.questions.length);
    if (metrics !== undefined) byQuestion.push(metrics);
  }
  return { configuration, metrics: means(byQuestion), byQuestion, latencyMs: latencyOf(durationsMs) };
}

type Search = (
  text: string,
  onePerDocument: boolean,
) => Promise<
  readonly { readonly documentIds: readonly string[]; readonly start: number; readonly end: number }[]
>;

async function* rank(questions: readonly JudgedQuestion[], search: Search) {
  for (const { text, judgements } of questions) {
    const passages = await search(text, true);
    yield measureRanking(
      passages.flatMap(({ documentIds }) => documentIds),
      judgements,
    );
  }
}

async function* cover(questions: readonly SpanQuestion[], search: Search) {
  for (const { text, references } of questions) {
    const passages = await search(text, false);
    const spans = passages.flatMap(({ documentIds, start, end }) =>
      documentIds.map((documentId) => ({ documentId, start, end })),
    );
    const recall = spanRecall(spans, references, SPAN_LENGTH_MAX);
    yield recall === undefined ? undefined : { [SPAN_METRIC]: recall };
  }
}

function means(byQuestion: Measurement['byQuestion']): Record<string, number> {
  const names = Object.keys(byQuestion[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, mean(byQuestion.map((metrics) => metrics[name] ?? 0))]),
  );
}
