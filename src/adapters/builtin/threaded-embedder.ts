import type { EmbeddingModelRef, TokenStatistics } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { TaskModule, TaskRunner } from '../../domain/ports/tasks.ts';
import type { run } from './embed-task.ts';
import type { StaticEmbedder } from './static-embedder.ts';

const EMBED_TASK: TaskModule<readonly string[], ReturnType<typeof run>> = {
  url: new URL(import.meta.url.endsWith('.ts') ? './embed-task.ts' : './embed-task.js', import.meta.url).href,
};
const BATCH_TIMEOUT_MS = 60_000;

/** Documents are embedded in a worker thread, so that ingestion never holds up serving; a query's few tokens are not. */
export class ThreadedEmbedder implements Embedder {
  readonly model: EmbeddingModelRef;
  readonly tokenCountMax: number;
  readonly vectorWeight: number;
  readonly #local: StaticEmbedder;
  readonly #tasks: TaskRunner;

  constructor(local: StaticEmbedder, tasks: TaskRunner) {
    this.model = local.model;
    this.tokenCountMax = local.tokenCountMax;
    this.vectorWeight = local.vectorWeight;
    this.#local = local;
    this.#tasks = tasks;
  }

  async embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    if (texts.length === 0) return [];
    const flat = await this.#tasks.run(EMBED_TASK, texts, { timeoutMs: BATCH_TIMEOUT_MS, signal });
    const { dimensions } = this.model;
    return texts.map((_, index) => flat.slice(index * dimensions, (index + 1) * dimensions));
  }

  embedQuery(
    text: string,
    statistics: (tokenIds: readonly number[]) => Promise<TokenStatistics>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    return this.#local.embedQuery(text, statistics, signal);
  }

  tokenIds(text: string): Uint32Array {
    return this.#local.tokenIds(text);
  }
}
