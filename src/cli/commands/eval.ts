import { Command } from 'commander';
import type { MultiDbClient } from '../../client/index.ts';
import { type Configuration, ingestedWith, nameOf, parseConfiguration } from '../evaluation/configuration.ts';
import type { Dataset } from '../evaluation/dataset.ts';
import { evaluateAnswers } from '../evaluation/evaluate-answers.ts';
import { type Measurement, type MeasureOptions, measure } from '../evaluation/measure.ts';
import { type Ingested, ingestDocuments, withProduct } from '../evaluation/product.ts';
import { readDataset } from '../evaluation/read-dataset.ts';
import { printReport, type Report, reportJson } from '../evaluation/report.ts';
import { onStopSignal } from '../stop-signal.ts';
import { withTemporaryFolder } from '../temporary-product.ts';
import { Terminal } from '../ui/terminal.ts';

interface EvalOptions {
  readonly embedder: string;
  readonly mode?: string;
  readonly versus: readonly string[];
  readonly json?: boolean;
  readonly answers?: boolean;
}

/** Measures retrieval through the whole product, on a data folder that is gone afterwards. */
export function evalCommand(): Command {
  return new Command('eval')
    .description('measure retrieval: ingest a data set, ask its questions, compare with its judgements')
    .argument('<dataset>', 'folder: corpus.jsonl, queries.jsonl, qrels.tsv; or questions.csv, corpora/*.md')
    .option('--embedder <name>', 'built-in, local:MODEL, or none for words alone', 'built-in')
    .option('--mode <mode>', 'hybrid, lexical or vector')
    .option(
      '--versus <settings>',
      'compare with the same but for these, such as embedder=none; may be repeated',
      (value: string, others: readonly string[]) => [...others, value],
      [] as readonly string[],
    )
    .option('--answers', 'measure answers instead: right citations, and silence where nothing answers')
    .option('--json', 'print one line of JSON')
    .action(evaluate);
}

async function evaluate(folder: string, options: EvalOptions): Promise<void> {
  const dataset = await readDataset(folder);
  const { signal } = onStopSignal();
  // Progress goes to stderr, so that stdout is the result alone.
  const progress = new Terminal(process.stderr, process.env);
  const common = { dataset: dataset.name, documentCount: dataset.documents.length };
  if (options.answers) {
    const { embedder } = options;
    const measurement = await evaluateAnswers({ dataset, embedder, progress, signal });
    const questionCount = dataset.questions.length;
    show(options, { ...common, questionCount, failures: [], measurements: [measurement] });
    return;
  }
  const configurations = configurationsOf(options);
  const measured: Measurement[] = [];
  const failures = new Set<string>();
  for (const [embedder, group] of Map.groupBy(configurations, ingestedWith)) {
    await withTemporaryFolder('eval', (dataFolder) =>
      withProduct({ folder: dataFolder, embedder, signal }, async (client) => {
        const ingested = await ingest(client, dataset, progress);
        for (const failure of ingested.failures) failures.add(failure);
        for (const configuration of group) {
          measured.push(await ask(client, { dataset, ingested, configuration, progress, signal }));
        }
      }),
    );
  }
  show(options, {
    ...common,
    questionCount: dataset.questions.length,
    failures: [...failures],
    measurements: configurations.flatMap(
      (one) => measured.find(({ configuration }) => configuration === one) ?? [],
    ),
  });
}

function configurationsOf({ embedder, mode, versus }: EvalOptions): Configuration[] {
  const settings = mode === undefined ? `embedder=${embedder}` : `embedder=${embedder},mode=${mode}`;
  const first = parseConfiguration(settings, { embedder });
  return [first, ...versus.map((other) => parseConfiguration(other, first))];
}

async function ingest(client: MultiDbClient, { documents }: Dataset, progress: Terminal): Promise<Ingested> {
  const bar = progress.progress(`Ingesting ${documents.length} documents`);
  const ingested = await ingestDocuments(client, documents, (fraction) => bar.update(fraction));
  bar.succeed(`${(ingested.durationMs / 1000).toFixed(1)} s`);
  return ingested;
}

interface Asking extends MeasureOptions {
  readonly progress: Terminal;
}

async function ask(client: MultiDbClient, { progress, ...options }: Asking): Promise<Measurement> {
  const { configuration, dataset } = options;
  const bar = progress.progress(`Asking ${dataset.questions.length} questions (${nameOf(configuration)})`);
  const measurement = await measure(client, { ...options, onProgress: (fraction) => bar.update(fraction) });
  bar.succeed();
  return measurement;
}

function show(options: EvalOptions, report: Report): void {
  const output = new Terminal(process.stdout, process.env);
  if (options.json) output.line(reportJson(report));
  else printReport(report, output);
}
