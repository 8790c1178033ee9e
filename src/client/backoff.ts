import { MultiDbError } from './errors.ts';

/** How retries are spaced. All waits are jittered: clients that lost one server must not return in one wave. */
export interface RetryOptions {
  /** Failures in a row, without any progress between them, after which the error is thrown. */
  readonly attemptCountMax: number;
  readonly firstDelayMs: number;
  readonly delayMaxMs: number;
}
export const DEFAULT_RETRY: RetryOptions = { attemptCountMax: 20, firstDelayMs: 200, delayMaxMs: 10_000 };

/** A server that asks for more patience than this has told the caller when to come back, not the SDK. */
const RETRY_AFTER_MS_MAX = 60_000;

/**
 * How long to wait before the next attempt: as long as the server asked for, else a jittered delay that doubles.
 * undefined when another attempt is no use, or they are used up. `failureCount` counts from 1.
 */
export function retryDelayMs(
  error: unknown,
  failureCount: number,
  options: RetryOptions,
): number | undefined {
  if (!(error instanceof MultiDbError) || !error.retryable || failureCount > options.attemptCountMax)
    return undefined;
  const { retryAfterMs = backoffDelayMs(failureCount, options) } = error;
  return retryAfterMs > RETRY_AFTER_MS_MAX ? undefined : retryAfterMs;
}

/** Doubles from the first delay up to the maximum; half of it is random. */
function backoffDelayMs(failureCount: number, { firstDelayMs, delayMaxMs }: RetryOptions): number {
  const fullMs = Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(failureCount - 1, 30));
  return fullMs / 2 + (Math.random() * fullMs) / 2;
}

/** Rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
