import { OpenAIEmbeddings } from '@langchain/openai';
import { DomainError } from '../../domain/errors.ts';
import type { EmbeddingModelRef, TokenStatistics } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { Clock } from '../../domain/ports/system.ts';
import { EmbeddingFailure, toEmbeddingFailure } from './embedding-failure.ts';

/** No measurement of an unknown model: a little more weight than the built-in one, which is weaker than any of them. */
const VECTOR_WEIGHT = 0.6;
/** Input limit of OpenAI's own embedding models. */
const TOKEN_COUNT_MAX = 8191;
const BATCH_SIZE = 64;
const ATTEMPTS_MAX = 4;
const FIRST_BACK_OFF_MS = 500;
const BACK_OFF_MAX_MS = 20_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface OpenAiEmbedderOptions {
  /** Of an OpenAI-compatible server, for example `https://host/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** Length of the vectors; a server that answers with another one is refused. */
  readonly dimensions: number;
  /** Ask the server for that length; only models that can shorten their vectors accept it. */
  readonly requestDimensions?: boolean;
  readonly tokenCountMax?: number;
  readonly vectorWeight?: number;
  /** Texts in one request. */
  readonly batchSize?: number;
  /** Of one request. */
  readonly timeoutMs?: number;
}

/**
 * Embeddings from an OpenAI-compatible server. Batches are sent one after another, each with a deadline; 429, 5xx and
 * broken connections are tried again a bounded number of times, no sooner than Retry-After says. Throws DomainError
 * MODEL_FAILED, RATE_LIMITED or DEADLINE_EXCEEDED.
 */
export class OpenAiEmbedder implements Embedder {
  readonly model: EmbeddingModelRef;
  readonly tokenCountMax: number;
  readonly vectorWeight: number;
  readonly #clock: Clock;
  readonly #options: OpenAiEmbedderOptions;

  constructor(clock: Clock, options: OpenAiEmbedderOptions) {
    this.model = { modelId: options.model, dimensions: options.dimensions };
    this.tokenCountMax = options.tokenCountMax ?? TOKEN_COUNT_MAX;
    this.vectorWeight = options.vectorWeight ?? VECTOR_WEIGHT;
    this.#clock = clock;
    this.#options = options;
  }

  async embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    const batchSize = this.#options.batchSize ?? BATCH_SIZE;
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += batchSize) {
      vectors.push(...(await this.#embedBatch(texts.slice(start, start + batchSize), signal)));
    }
    return vectors;
  }

  async embedQuery(
    text: string,
    _statistics: (tokenIds: readonly number[]) => Promise<TokenStatistics>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    const [vector] = await this.embedDocuments([text], signal);
    return vector ?? new Float32Array(this.model.dimensions);
  }

  /** These models weight no tokens. */
  async tokenIdsOf(texts: readonly string[]): Promise<readonly Uint32Array[]> {
    return texts.map(() => new Uint32Array());
  }

  /** Servers refuse empty input; a text without words has the zero vector, as everywhere. */
  async #embedBatch(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    const spoken = texts.filter((text) => text.trim() !== '');
    const answers = spoken.length === 0 ? [] : await this.#requestWithRetries(spoken, signal);
    let next = 0;
    return texts.map((text) => {
      if (text.trim() === '') return new Float32Array(this.model.dimensions);
      next += 1;
      return this.#unitVector(answers[next - 1]);
    });
  }

  async #requestWithRetries(texts: readonly string[], signal: AbortSignal): Promise<readonly number[][]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#request(texts, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const failure = toEmbeddingFailure(error);
        if (!failure.retryable || attempt === ATTEMPTS_MAX) throw failure.toDomainError();
        const backOffMs = FIRST_BACK_OFF_MS * 2 ** (attempt - 1);
        await this.#clock.sleep(Math.min(Math.max(backOffMs, failure.retryAfterMs), BACK_OFF_MAX_MS), signal);
      }
    }
  }

  /** A client for each request: the library takes no signal, so the abort goes in through its fetch. */
  async #request(texts: readonly string[], signal: AbortSignal): Promise<readonly number[][]> {
    const { baseUrl, apiKey, model, requestDimensions, dimensions } = this.#options;
    const deadline = AbortSignal.timeout(this.#options.timeoutMs ?? REQUEST_TIMEOUT_MS);
    const abort = AbortSignal.any([signal, deadline]);
    const client = new OpenAIEmbeddings({
      model,
      apiKey,
      batchSize: texts.length,
      maxRetries: 0,
      stripNewLines: false,
      // Compatible servers do not all know base64, the client library's default.
      encodingFormat: 'float',
      ...(requestDimensions === true && { dimensions }),
      configuration: { baseURL: baseUrl, fetch: (url, init) => fetch(url, { ...init, signal: abort }) },
    });
    try {
      return await client.embedDocuments([...texts]);
    } catch (error) {
      throw deadline.aborted ? new EmbeddingFailure('timeout', error) : error;
    }
  }

  #unitVector(values: readonly number[] | undefined): Float32Array {
    const { modelId, dimensions } = this.model;
    if (values?.length !== dimensions) {
      const found = values === undefined ? 'none' : `one of ${values.length}`;
      throw new DomainError(
        'MODEL_FAILED',
        `${modelId} should give vectors of ${dimensions} dimensions, it gave ${found}.`,
      );
    }
    const length = Math.hypot(...values);
    return Float32Array.from(values, (value) => (length === 0 ? 0 : value / length));
  }
}
