/** This repository's documents from `ingest` to READY, one after the other, by stage as `documentEvents` tells. */
import type { MultiDbClient } from '../src/client/index.ts';
import { printTable } from './harness.ts';
import { corpus, signIn, startProduct, withFolder } from './product.ts';

const NAMES: Readonly<Record<string, string>> = { queued: 'waiting for the worker', done: '' };

/** Adds to `stages` how long the document was in each, in milliseconds. */
async function ingest(client: MultiDbClient, text: string, stages: Map<string, number>): Promise<void> {
  const startedAt = performance.now();
  const ingestion = client.ingest({ text, mediaType: 'text/markdown' });
  const { document } = await ingestion.accepted;
  const acceptedAt = performance.now();
  add(stages, 'accepted by the server', acceptedAt - startedAt);
  let [stage, since] = ['queued', acceptedAt];
  for await (const event of client.documents.events(document.id)) {
    if (event.stage === stage) continue;
    const now = performance.now();
    add(stages, NAMES[stage] ?? stage, now - since);
    [stage, since] = [event.stage, now];
  }
  if (stage !== 'done') throw new Error(`a document ended in stage ${stage}`);
}

function add(stages: Map<string, number>, stage: string, ms: number): void {
  stages.set(stage, (stages.get(stage) ?? 0) + ms);
}

await withFolder(async (folder) => {
  const product = await startProduct({ folder });
  const { client } = await signIn(product.url);
  await client.ingest({ text: 'A first document loads what is loaded once.' }).ready();
  const cpuBefore = product.process.cpuMs();
  const startedAt = performance.now();
  const stages = new Map<string, number>();
  const documents = corpus();
  for (const { text } of documents) await ingest(client, text, stages);
  const wallMs = performance.now() - startedAt;
  const cpuMs = product.process.cpuMs() - cpuBefore;
  const { chunkCount, characters } = await totals(client, documents);
  await product.stop();
  const share = (ms: number) => [ms, ms / documents.length];
  printTable(
    `Ingesting ${documents.length} documents, ${characters} characters, ${chunkCount} chunks`,
    ['stage', 'all, ms', 'each, ms'],
    [
      ...[...stages].map(([stage, ms]) => [stage, ...share(ms)]),
      ['end to end', ...share(wallMs)],
      ['CPU of the server, all threads', ...share(cpuMs)],
    ],
  );
});

async function totals(client: MultiDbClient, documents: readonly { readonly text: string }[]) {
  const { edges } = await client.documents.list({ first: 100 });
  const counts = await Promise.all(
    edges.map(async ({ node }) => (await client.documents.get(node.id)).chunkCount),
  );
  return {
    chunkCount: counts.reduce((sum, count) => sum + count, 0),
    characters: documents.reduce((sum, { text }) => sum + text.length, 0),
  };
}
