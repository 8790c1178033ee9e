import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { Reranker } from '../../domain/ports/reranker.ts';

const responseSchema = z.object({
  results: z.array(z.object({ index: z.number().int().min(0), relevance_score: z.number() })).max(1_000),
});

export interface HttpRerankerOptions {
  /** The whole address, such as `http://127.0.0.1:8080/rerank`. */
  readonly url: string;
  readonly model: string | undefined;
  readonly apiKey: string | undefined;
  readonly timeoutMs: number;
}

/** A cross-encoder behind the `/rerank` request that Cohere, Jina, vLLM and Infinity share. One attempt, one deadline. */
export class HttpReranker implements Reranker {
  readonly #options: HttpRerankerOptions;

  constructor(options: HttpRerankerOptions) {
    this.#options = options;
  }

  async score(question: string, texts: readonly string[], signal: AbortSignal): Promise<readonly number[]> {
    const { url, model, apiKey, timeoutMs } = this.#options;
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, query: question, documents: texts, top_n: texts.length }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      redirect: 'error',
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new DomainError('MODEL_FAILED', `The re-ranker answered HTTP ${response.status}.`);
    }
    const parsed = responseSchema.safeParse(await response.json());
    if (!parsed.success) throw new DomainError('MODEL_FAILED', 'The re-ranker answered something else.');
    // What it left out is worse than all that it named.
    const scores = new Array<number>(texts.length).fill(Number.NEGATIVE_INFINITY);
    for (const { index, relevance_score } of parsed.data.results) scores[index] = relevance_score;
    const lowest = Math.min(...scores.filter(Number.isFinite));
    return scores.map((score) => (Number.isFinite(score) ? score : lowest));
  }
}
