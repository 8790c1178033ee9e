import type { EmbeddingModelRef, TokenStatistics } from './chunk-index.ts';

export interface Embedder {
  readonly model: EmbeddingModelRef;
  /** Texts longer than this many tokens are cut by the model; Infinity if it has no limit. */
  readonly tokenCountMax: number;
  /** Share of the vector leg in the fusion, 0 to 1; best measured for each model. */
  readonly vectorWeight: number;
  /** The same for a question in a language that the model was not made for; default: `vectorWeight`. */
  readonly foreignVectorWeight?: number;
  /** Unit vectors, one a text, in order. */
  embedDocuments(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
  /** `statistics` is asked once, with the query's token ids, by embedders that weight them. */
  embedQuery(
    text: string,
    statistics: (tokenIds: readonly number[]) => Promise<TokenStatistics>,
    signal: AbortSignal,
  ): Promise<Float32Array>;
  /** Distinct token ids of each text, in order of the texts; empty for embedders that need no statistics. */
  tokenIdsOf(texts: readonly string[], signal: AbortSignal): Promise<readonly Uint32Array[]>;
}

/** Counts tokens where a model reports none; a count, not an approximation, for the tokenizer it uses. */
export interface Tokenizer {
  count(text: string): number;
}

export type ChatTurn =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly text: string };

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** As the model wrote it: JSON, or not. */
  readonly arguments: string;
}
export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}
export interface ChatRequest {
  readonly turns: readonly ChatTurn[];
  readonly tools: readonly ToolDefinition[];
  readonly outputTokensMax: number;
}
export interface ChatOutcome {
  readonly finish: 'stop' | 'length' | 'tool-calls';
  readonly toolCalls: readonly ToolCall[];
  /** undefined: the server reported none. */
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined;
}
/**
 * A chat model that streams. `onDelta` is called with each piece of text as it arrives, never after the promise
 * settled. Before the first delta it retries 429, 5xx and resets a bounded number of times, honouring Retry-After;
 * after it, a failure throws MODEL_FAILED at once. An aborted signal rejects with its reason and closes the connection.
 */
export interface ChatModel {
  readonly modelId: string;
  stream(request: ChatRequest, onDelta: (text: string) => void, signal: AbortSignal): Promise<ChatOutcome>;
}
