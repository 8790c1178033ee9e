import { DomainError } from '../../../domain/errors.ts';
import type { Clock } from '../../../domain/ports/system.ts';

const ATTEMPTS_MAX = 6;
const BACKOFF_MS = 50;

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
