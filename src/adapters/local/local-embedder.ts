import type { EmbeddingModelRef, TokenStatistics } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import { batchesByLength } from './batches.ts';
import type { ModelDescription } from './model-description.ts';
import { ModelRunner } from './model-runner.ts';

/** No token of the usual vocabularies is longer on average in any script; only used to estimate what padding costs. */
const TOKEN_LENGTH = 6;

export interface LocalEmbedderOptions {
  readonly model: ModelDescription;
  /** Under which the vectors are stored. */
  readonly modelId: string;
  readonly vectorWeight: number;
  readonly foreignVectorWeight?: number;
  /** Cores for one batch; 0: all. */
  readonly threadCount: number;
}

/**
 * A sentence-transformers model on this machine, in a process of its own. Documents are computed in batches of like
 * length; a question overtakes the batches that wait. A text without any character but white space has the zero vector.
 */
export class LocalEmbedder implements Embedder {
  readonly model: EmbeddingModelRef;
  readonly tokenCountMax: number;
  readonly vectorWeight: number;
  readonly foreignVectorWeight: number;
  readonly #description: ModelDescription;
  readonly #runner: ModelRunner;

  private constructor(
    { model, modelId, vectorWeight, foreignVectorWeight = vectorWeight }: LocalEmbedderOptions,
    runner: ModelRunner,
  ) {
    this.model = { modelId, dimensions: model.dimensions };
    this.tokenCountMax = model.tokenCountMax;
    this.vectorWeight = vectorWeight;
    this.foreignVectorWeight = foreignVectorWeight;
    this.#description = model;
    this.#runner = runner;
  }

  /** Throws ModelFolderError if the model cannot be loaded. */
  static async open(options: LocalEmbedderOptions): Promise<LocalEmbedder> {
    const { model, threadCount } = options;
    return new LocalEmbedder(options, await ModelRunner.start({ model, threadCount }));
  }

  async embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    signal.throwIfAborted();
    const { dimensions } = this.model;
    const vectors = texts.map(() => new Float32Array(dimensions));
    const spoken = [...texts.keys()].filter((place) => texts[place]?.trim() !== '');
    const prefixed = spoken.map((place) => this.#description.prefixes.document + texts[place]);
    for (const batch of batchesByLength(prefixed, this.tokenCountMax * TOKEN_LENGTH)) {
      const values = await this.#runner.embed(
        batch.map((place) => prefixed[place] ?? ''),
        false,
        signal,
      );
      for (const [row, place] of batch.entries()) {
        vectors[spoken[place] ?? 0] = values.slice(row * dimensions, (row + 1) * dimensions);
      }
    }
    return vectors;
  }

  async embedQuery(
    text: string,
    _statistics: (tokenIds: readonly number[]) => Promise<TokenStatistics>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    if (text.trim() === '') return new Float32Array(this.model.dimensions);
    return this.#runner.embed([this.#description.prefixes.query + text], true, signal);
  }

  /** These models weight no tokens. */
  async tokenIdsOf(texts: readonly string[]): Promise<readonly Uint32Array[]> {
    return texts.map(() => new Uint32Array());
  }

  get pid(): number | undefined {
    return this.#runner.pid;
  }

  close(): void {
    this.#runner.close();
  }
}
