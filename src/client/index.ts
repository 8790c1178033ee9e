/** The package's entry `multidb-ai/client`: everything a frontend or a program needs, and nothing of the server. */
export type { Answer, AskOptions, FinishedAnswer, WatchOptions } from './answer.ts';
export type { RetryOptions } from './backoff.ts';
export { MultiDbError } from './errors.ts';
export type { IngestOptions, IngestSource } from './ingest-source.ts';
export type { Accepted, Ingestion } from './ingestion.ts';
export type { Conversations, Documents } from './library.ts';
export { MultiDbClient, type MultiDbClientOptions, type SearchOptions } from './multidb-client.ts';
export { memoryTokenStore, type TokenStore, type Tokens, webTokenStore } from './token-store.ts';
export type * from './types.ts';
