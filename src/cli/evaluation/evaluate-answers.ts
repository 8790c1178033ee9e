import { DomainError } from '../../domain/errors.ts';
import { withTemporaryFolder } from '../temporary-product.ts';
import type { Terminal } from '../ui/terminal.ts';
import { type AnswerMeasurement, answerMetrics, foldsOf, measureAnswers } from './answers.ts';
import type { Dataset } from './dataset.ts';
import type { Measurement } from './measure.ts';
import { ingestDocuments, withProduct } from './product.ts';

export interface EvaluateAnswersOptions {
  readonly dataset: Dataset;
  readonly embedder: string;
  readonly progress: Terminal;
  readonly signal: AbortSignal;
}

/**
 * How answers do, through the whole product: each question asked with and without the documents that answer it.
 * Throws BAD_USER_INPUT for a data set that does not say which documents answer.
 */
export async function evaluateAnswers(options: EvaluateAnswersOptions): Promise<Measurement> {
  const { dataset, embedder, progress, signal } = options;
  if (dataset.kind !== 'documents') {
    throw new DomainError('BAD_USER_INPUT', '--answers needs a data set that judges documents (qrels.tsv).');
  }
  const measured: AnswerMeasurement[] = [];
  for (const fold of foldsOf(dataset)) {
    const one = await withTemporaryFolder('eval', (folder) =>
      withProduct({ folder, embedder, signal }, async (client) => {
        const ingesting = progress.progress(`Ingesting ${fold.documents.length} documents`);
        const { idsOf } = await ingestDocuments(client, fold.documents, (share) => ingesting.update(share));
        ingesting.succeed();
        const asking = progress.progress('Asking questions with and without an answer');
        const onProgress = (share: number) => asking.update(share);
        const measurement = await measureAnswers(client, { fold, idsOf, signal, onProgress });
        asking.succeed(`${measurement.questions.length} asked`);
        return measurement;
      }),
    );
    measured.push(one);
  }
  const questions = measured.flatMap((one) => one.questions);
  const [latencyMs = { p50: 0, p95: 0, p99: 0 }] = measured.map((one) => one.latencyMs);
  return { configuration: { embedder }, metrics: answerMetrics(questions), byQuestion: [], latencyMs };
}
