import { ErrorReply } from 'redis';
import { DomainError } from '../../domain/errors.ts';

/** Answers of a server that cannot serve now; the command had no effect. */
const UNAVAILABLE = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|READONLY|UNKILLABLE)\b/;
const OUT_OF_MEMORY = /^OOM\b/;
/** The disk refuses: a full or broken one. */
const DISK_FAILED = /^MISCONF\b/;
const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM)\b|invalid password|without any password configured/;

/** A connection to this server can serve no writes any more: another one is the primary now. */
export function isDemoted(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith('READONLY');
}

export function isUnknownScript(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith('NOSCRIPT');
}

/**
 * What the layers above may see of the driver's failure: STORE_UNAVAILABLE, retryable where trying again can help. Any
 * other answer of the server is a defect of ours and stays as it is.
 */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  // Arguments that cannot be sent: not the server's fault.
  if (error instanceof TypeError) return error;
  if (!(error instanceof ErrorReply)) return unavailable('Redis is not available.', error);
  if (OUT_OF_MEMORY.test(error.message)) return unavailable('Redis has reached its maxmemory.', error);
  if (DISK_FAILED.test(error.message)) return unavailable('Redis cannot write to its disk.', error);
  if (UNAVAILABLE.test(error.message)) return unavailable('Redis is not available.', error);
  if (REFUSED.test(error.message)) {
    const message = 'Redis refuses the user, the password or a command that it needs.';
    return new DomainError('STORE_UNAVAILABLE', message, { retryable: false, cause: error });
  }
  return error;
}

function unavailable(message: string, cause: unknown): DomainError {
  return new DomainError('STORE_UNAVAILABLE', message, { cause });
}

export function deadlineExceeded(): DomainError {
  return new DomainError('DEADLINE_EXCEEDED', 'Redis took too long.');
}

/** Redis could not be asked, or did not answer in time: what has another way may take it. */
export function isAway(error: unknown): boolean {
  return (
    error instanceof DomainError && (error.code === 'STORE_UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED')
  );
}
