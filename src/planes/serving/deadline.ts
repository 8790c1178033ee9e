import { DomainError } from '../../domain/errors.ts';
import type { Clock } from '../../domain/ports/system.ts';

/** Runs `work` with a signal that aborts after `timeoutMs`; then throws DEADLINE_EXCEEDED even if it never returns. */
export async function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const finished = new AbortController();
  const deadline = clock.sleep(timeoutMs, finished.signal).then(() => {
    const error = new DomainError('DEADLINE_EXCEEDED', 'This took too long.');
    controller.abort(error);
    throw error;
  });
  try {
    return await Promise.race([work(controller.signal), deadline]);
  } finally {
    finished.abort();
    deadline.catch(() => undefined);
  }
}

/** The work's outcome, or the signal's reason as soon as it aborts: nobody waits for a call that ignores its signal. */
export async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    throw signal.reason;
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
