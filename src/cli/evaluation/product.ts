import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { startSystem } from '../../app/system.ts';
import { MultiDbClient, MultiDbError } from '../../client/index.ts';
import { DEMO_USER } from '../../planes/control/seed.ts';
import { ownEnvironment } from '../temporary-product.ts';
import type { DatasetDocument } from './dataset.ts';

/** Documents on their way at once: more than are worked on, so that nobody waits for the next one. */
const PARALLEL_MAX = 32;
const INGESTIONS_AT_ONCE = '8';
const UNLIMITED = '1000000000';

export interface ProductOptions {
  readonly folder: string;
  readonly embedder: string;
  readonly signal: AbortSignal;
}

/** The whole product on this folder, with one signed-in client, and no rate that a measurement could run into. */
export async function withProduct<Result>(
  { folder, embedder, signal }: ProductOptions,
  work: (client: MultiDbClient) => Promise<Result>,
): Promise<Result> {
  const config = readConfig({
    ...ownEnvironment(folder),
    EMBEDDER: embedder,
    EMBEDDING_MODEL: undefined,
    SEARCHES_PER_MINUTE: UNLIMITED,
    MESSAGES_PER_MINUTE: UNLIMITED,
    INGESTIONS_PER_MINUTE: UNLIMITED,
    INGESTION_CONCURRENCY_MAX: INGESTIONS_AT_ONCE,
  });
  const log = createLogger({ level: config.LOG_LEVEL, production: false });
  const system = await startSystem({ config, log, role: 'all', signal });
  const client = new MultiDbClient({ url: system.url ?? '' });
  try {
    await client.login(DEMO_USER.email, DEMO_USER.password);
    return await work(client);
  } finally {
    client.close();
    await system.close();
  }
}

export interface Ingested {
  /** Ids in the data set of each stored document: several where documents have the same text. */
  readonly idsOf: ReadonlyMap<string, readonly string[]>;
  readonly failures: readonly string[];
  readonly durationMs: number;
}

/** Puts the documents in and waits until searches see all of them. `onProgress` gets the share that is ready. */
export async function ingestDocuments(
  client: MultiDbClient,
  documents: readonly DatasetDocument[],
  onProgress: (fraction: number) => void,
): Promise<Ingested> {
  const startedAt = performance.now();
  const idsOf = new Map<string, string[]>();
  const failures: string[] = [];
  let doneCount = 0;
  await forEachParallel(documents, async ({ id, text, mediaType }) => {
    try {
      const ingestion = client.ingest({ text, mediaType });
      const { document } = await ingestion.accepted;
      idsOf.set(document.id, [...(idsOf.get(document.id) ?? []), id]);
      await ingestion.ready();
    } catch (error) {
      if (!(error instanceof MultiDbError)) throw error;
      failures.push(`${id}: ${error.message}`);
    }
    doneCount += 1;
    onProgress(doneCount / documents.length);
  });
  return { idsOf, failures, durationMs: performance.now() - startedAt };
}

async function forEachParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL_MAX }, worker));
}
