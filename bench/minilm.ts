/**
 * Ingestion with MiniLM, from `ingest` to READY, against the bare library on the same chunks: its feature-extraction
 * pipeline in batches of 32, in the order of the text. Both may use all cores. Needs `multidb model fetch minilm`;
 * arguments: rounds, and documents in each.
 */
import { cpus } from 'node:os';
import { basename, dirname } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { markdownStructure } from '../src/adapters/loaders/markdown-structure.ts';
import { findModel } from '../src/adapters/local/model-names.ts';
import { readConfig } from '../src/app/config.ts';
import type { MultiDbClient } from '../src/client/index.ts';
import { indexedText } from '../src/domain/document.ts';
import { splitText } from '../src/planes/data/splitter.ts';
import { interleave, median, printTable } from './harness.ts';
import { corpus, signIn, startProduct, withFolder } from './product.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const DOCUMENTS_PER_ROUND = Number(process.argv[3] ?? 8);
const BATCH_SIZE = 32;

const { modelsFolder } = readConfig(process.env);
const { model } = await findModel('minilm', modelsFolder);
env.allowRemoteModels = false;
env.localModelPath = `${dirname(model.folder)}/`;
const extract = await pipeline('feature-extraction', basename(model.folder), { dtype: 'fp32' });

const sources = corpus().slice(0, DOCUMENTS_PER_ROUND);
let copies = 0;

/** The same work, but no paragraph that was embedded before: equal texts are never embedded twice. */
function freshDocuments(): string[] {
  copies += 1;
  return sources.map(({ text }) => text.replaceAll('\n\n', `\n\n${copies}. `));
}

function chunksOf(text: string): string[] {
  const loaded = { text, title: null, pageStarts: [], ...markdownStructure(text) };
  return splitText(loaded).map(({ headingPath, start, end }) =>
    indexedText(headingPath, text.slice(start, end)),
  );
}

async function bare(): Promise<number> {
  const chunks = freshDocuments().flatMap(chunksOf);
  const startedAt = performance.now();
  for (let start = 0; start < chunks.length; start += BATCH_SIZE) {
    await extract(chunks.slice(start, start + BATCH_SIZE), { pooling: 'mean', normalize: true });
  }
  return perSecond(chunks.length, startedAt);
}

async function product(client: MultiDbClient): Promise<number> {
  const documents = freshDocuments();
  const startedAt = performance.now();
  const ready = await Promise.all(
    documents.map((text) => client.ingest({ text, mediaType: 'text/markdown' }).ready()),
  );
  return perSecond(
    ready.reduce((sum, { chunkCount }) => sum + chunkCount, 0),
    startedAt,
  );
}

function perSecond(count: number, startedAt: number): number {
  return (count * 1000) / (performance.now() - startedAt);
}

await withFolder(async (folder) => {
  const server = await startProduct({ folder, env: { EMBEDDER: 'local:minilm', MODELS_DIR: modelsFolder } });
  const { client } = await signIn(server.url);
  await client.ingest({ text: 'A first document loads what is loaded once.' }).ready();
  await extract(['A first text loads what is loaded once.'], { pooling: 'mean', normalize: true });
  const rates = await interleave(ROUNDS, { product: () => product(client), bare });
  client.close();
  await server.stop();
  const [ours, baseline] = [median(rates.product), median(rates.bare)];
  printTable(
    `Ingestion with MiniLM, ${sources.length} documents a round, ${ROUNDS} rounds, ${cpus().length} cores`,
    ['figure', 'ours', 'bare pipeline', 'ratio', 'target'],
    [['chunks per second, end to end', ours, baseline, ours / baseline, '≥ 0.85']],
  );
});
