/** Reads question and passage together: slower than the index, and better. */
export interface Reranker {
  /** How well each text answers the question, in order of the texts; comparable within one call only. */
  score(question: string, texts: readonly string[], signal: AbortSignal): Promise<readonly number[]>;
}
