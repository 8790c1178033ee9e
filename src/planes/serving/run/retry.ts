import { DomainError } from '../../../domain/errors.ts';
import type { Clock } from '../../../domain/ports/system.ts';

const ATTEMPTS_MAX = 6;
const BACKOFF_MS = 50;
const REREADING_MAX_MS = 3_000;

/** For a rejection by the store itself, which a repeat would only meet again. */
const FINAL: ReadonlySet<string> = new Set([
  'STALE_GENERATION',
  'CONFLICT',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'LIMIT_EXCEEDED',
]);

/**
 * Repeats an idempotent call of a store that does not answer: 6 attempts, 50 ms doubling to 0.8 s, within the lease of
 * a run. Throws the last error; refusals at once.
 */
export async function retrying<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof DomainError && FINAL.has(error.code)) throw error;
      if (attempt >= ATTEMPTS_MAX) throw error;
      await clock.sleep(BACKOFF_MS * 2 ** (attempt - 1));
    }
  }
}

/**
 * Repeats a read while its store is unavailable, as often as `retrying`: a connection that is cut, or a server that
 * changes its primary, need not cost an answer. Not after REREADING_MAX_MS, when the store has had its own deadline and
 * stays away. Every other failure at once, and whatever comes once the run is aborted.
 */
export async function rereading<T>(clock: Clock, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
  const lastAt = clock.now() + REREADING_MAX_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      const isAway = error instanceof DomainError && error.code === 'STORE_UNAVAILABLE';
      const isLast = attempt >= ATTEMPTS_MAX || clock.now() > lastAt;
      if (!isAway || isLast || signal.aborted) throw error;
      await clock.sleep(BACKOFF_MS * 2 ** (attempt - 1), signal);
    }
  }
}
