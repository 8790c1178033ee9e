import type { IdOf, IdPrefix } from '../ids.ts';

/** Time as a port, so that a simulation can own it. Milliseconds since the epoch. */
export interface Clock {
  now(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  bytes(count: number): Uint8Array;
}

export interface IdGenerator {
  next<P extends IdPrefix>(prefix: P): IdOf<P>;
}

/** One line a fact; never content, never a secret. */
export interface Log {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Life of every adapter that holds a connection, a file or a thread. */
export interface Lifecycle {
  /** Resolves when the store answers; throws STORE_UNAVAILABLE otherwise. */
  health(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** One page of a list in a stable order. `after` is the key of the last item already seen. */
export interface PageRequest<Key> {
  readonly first: number;
  readonly after?: Key | undefined;
}
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasNextPage: boolean;
}

export type Unsubscribe = () => void;
