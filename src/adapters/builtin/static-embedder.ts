import type { EmbeddingModelRef, TokenStatistics } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { StaticModel } from './static-model.ts';
import { WordPieceTokenizer } from './wordpiece.ts';

/** Measured beside BM25: above it on short texts in English, and not below it where texts are long and full of tables. */
const VECTOR_WEIGHT = 0.4;
/** The model reads English: of other languages it knows names and what they have borrowed. */
const FOREIGN_VECTOR_WEIGHT = 0.3;
const ROWS_AT_ONCE = 4;

/**
 * Embeds without a neural network: the mean of the token rows, normalised. A text without any known token has the zero
 * vector. Calls compute on the calling thread and never wait.
 */
export class StaticEmbedder implements Embedder {
  readonly model: EmbeddingModelRef;
  readonly tokenCountMax = Number.POSITIVE_INFINITY;
  readonly vectorWeight = VECTOR_WEIGHT;
  readonly foreignVectorWeight = FOREIGN_VECTOR_WEIGHT;
  readonly tokenizer: WordPieceTokenizer;
  readonly #vectors: Int8Array;
  readonly #scales: Float32Array;
  readonly #sum: Float64Array;
  readonly #offsets = new Int32Array(ROWS_AT_ONCE);
  readonly #factors = new Float64Array(ROWS_AT_ONCE);

  constructor(model: StaticModel) {
    this.model = { modelId: model.modelId, dimensions: model.dimensions };
    this.tokenizer = new WordPieceTokenizer(model.vocabulary);
    this.#vectors = model.vectors;
    this.#scales = model.scales;
    this.#sum = new Float64Array(model.dimensions);
  }

  async embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    signal.throwIfAborted();
    return texts.map((text) => this.embed(text));
  }

  /** Rows are weighted by the square root of idf; documents are not, so they never need embedding again. */
  async embedQuery(
    text: string,
    statistics: (tokenIds: readonly number[]) => Promise<TokenStatistics>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    signal.throwIfAborted();
    const ids = this.tokenizer.encode(text);
    const distinct = [...new Set(ids)];
    if (distinct.length === 0) return new Float32Array(this.model.dimensions);
    const { chunkCount, chunkFrequencies } = await statistics(distinct);
    const weights = new Map<number, number>();
    for (const [index, id] of distinct.entries()) {
      weights.set(id, Math.sqrt(inverseFrequency(chunkCount, chunkFrequencies[index] ?? 0)));
    }
    return this.#mean(ids, (id) => weights.get(id) ?? 0);
  }

  async tokenIdsOf(texts: readonly string[], signal: AbortSignal): Promise<readonly Uint32Array[]> {
    signal.throwIfAborted();
    return texts.map((text) => this.tokenIds(text));
  }

  /** Distinct, ascending. */
  tokenIds(text: string): Uint32Array {
    return this.tokenizer
      .encode(text)
      .sort()
      .filter((id, index, ids) => id !== ids[index - 1]);
  }

  embed(text: string): Float32Array {
    return this.#mean(this.tokenizer.encodeShared(text));
  }

  #mean(ids: Uint32Array, weightOf?: (id: number) => number): Float32Array {
    const dimensions = this.model.dimensions;
    const sum = this.#sum.fill(0);
    let waiting = 0;
    for (const id of ids) {
      const scale = (this.#scales[id] ?? 0) * (weightOf === undefined ? 1 : weightOf(id));
      if (scale === 0) continue;
      this.#offsets[waiting] = id * dimensions;
      this.#factors[waiting] = scale;
      waiting += 1;
      if (waiting < ROWS_AT_ONCE) continue;
      addRows(sum, this.#vectors, this.#offsets, this.#factors);
      waiting = 0;
    }
    if (waiting > 0) addRows(sum, this.#vectors, this.#offsets, this.#factors.fill(0, waiting));
    return unit(sum);
  }
}

/** Adds four rows in one pass over the sum: 1.6 times as fast as one by one. A factor of 0 leaves its row out. */
function addRows(sum: Float64Array, rows: Int8Array, offsets: Int32Array, factors: Float64Array): void {
  const [a = 0, b = 0, c = 0, d = 0] = offsets;
  const [fa = 0, fb = 0, fc = 0, fd = 0] = factors;
  for (let i = 0; i < sum.length; i += 1) {
    const first = (rows[a + i] as number) * fa + (rows[b + i] as number) * fb;
    const second = (rows[c + i] as number) * fc + (rows[d + i] as number) * fd;
    sum[i] = (sum[i] as number) + first + second;
  }
}

function unit(sum: Float64Array): Float32Array {
  let squares = 0;
  for (const value of sum) squares += value * value;
  const vector = new Float32Array(sum.length);
  if (squares === 0) return vector;
  const factor = 1 / Math.sqrt(squares);
  for (let index = 0; index < sum.length; index += 1) vector[index] = (sum[index] as number) * factor;
  return vector;
}

/** Lucene's idf. Always positive, so that no query token counts against a passage. */
function inverseFrequency(chunkCount: number, frequency: number): number {
  const known = Math.min(frequency, chunkCount);
  return Math.log(1 + (chunkCount - known + 0.5) / (known + 0.5));
}
