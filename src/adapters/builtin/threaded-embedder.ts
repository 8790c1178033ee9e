import type { EmbeddingModelRef, TokenStatistics } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { TaskModule, TaskRunner } from '../../domain/ports/tasks.ts';
import type { StaticEmbedder } from './static-embedder.ts';

const url = new URL(import.meta.url.endsWith('.ts') ? './embed-task.ts' : './embed-task.js', import.meta.url)
  .href;
const VECTORS_TASK: TaskModule<{ want: 'vectors'; texts: readonly string[] }, readonly Float32Array[]> = {
  url,
};
const TOKEN_IDS_TASK: TaskModule<{ want: 'token-ids'; texts: readonly string[] }, readonly Uint32Array[]> = {
  url,
};
const BATCH_TIMEOUT_MS = 60_000;

/** Documents are read in a worker thread, so that ingestion never holds up serving; a query's few tokens are not. */
export class ThreadedEmbedder implements Embedder {
  readonly model: EmbeddingModelRef;
  readonly tokenCountMax: number;
  readonly vectorWeight: number;
  readonly foreignVectorWeight: number;
  readonly #local: StaticEmbedder;
  readonly #tasks: TaskRunner;

  constructor(local: StaticEmbedder, tasks: TaskRunner) {
    this.model = local.model;
    this.tokenCountMax = local.tokenCountMax;
    this.vectorWeight = local.vectorWeight;
    this.foreignVectorWeight = local.foreignVectorWeight;
    this.#local = local;
    this.#tasks = tasks;
  }

  async embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    if (texts.length === 0) return [];
    return this.#tasks.run(VECTORS_TASK, { want: 'vectors', texts }, { timeoutMs: BATCH_TIMEOUT_MS, signal });
  }

  async tokenIdsOf(texts: readonly string[], signal: AbortSignal): Promise<readonly Uint32Array[]> {
    if (texts.length === 0) return [];
    return this.#tasks.run(
      TOKEN_IDS_TASK,
      { want: 'token-ids', texts },
      { timeoutMs: BATCH_TIMEOUT_MS, signal },
    );
  }

  embedQuery(
    text: string,
    statistics: (tokenIds: readonly number[]) => Promise<TokenStatistics>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    return this.#local.embedQuery(text, statistics, signal);
  }
}
