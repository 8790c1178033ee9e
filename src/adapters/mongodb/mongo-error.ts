import mongoose from 'mongoose';
import { DomainError } from '../../domain/errors.ts';

const { MongoError, MongoNetworkError } = mongoose.mongo;

/** Names, not classes: some of them the driver does not export, one is Mongoose's own. */
const UNREACHABLE = new Set([
  ...['MongoServerSelectionError', 'MongooseServerSelectionError', 'MongoTopologyClosedError'],
  ...['MongoServerClosedError', 'MongoNotConnectedError', 'MongoClientClosedError', 'MongoPoolClosedError'],
  ...['MongoPoolClearedError', 'MongoStalePrimaryError', 'MongoExpiredSessionError'],
]);
/** A socket that fails while the driver writes to it is reported as it is. */
const SOCKET_CODE = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
]);
const TOO_SLOW = new Set(['MongoWaitQueueTimeoutError', 'MongoOperationTimeoutError']);
/** MaxTimeMSExpired, ExceededTimeLimit. */
const TOO_SLOW_CODE = new Set([50, 262]);
/** HostUnreachable, HostNotFound, NetworkTimeout, shutdown, stepping down, not the primary, write conflict. */
const UNREACHABLE_CODE = new Set([6, 7, 89, 91, 112, 189, 9001, 10107, 11600, 11602, 13435, 13436]);
const UNREACHABLE_LABELS = [
  'TransientTransactionError',
  'RetryableWriteError',
  'UnknownTransactionCommitResult',
];
/** Unauthorized, AuthenticationFailed. */
const REFUSED_CODE = new Set([13, 18]);
/** OutOfDiskSpace. */
const DISK_FULL_CODE = 14_031;
/** IllegalOperation: "Transaction numbers are only allowed on a replica set member or mongos". */
const NO_TRANSACTIONS_CODE = 20;

export function codeOf(error: unknown): number | undefined {
  return error instanceof MongoError && typeof error.code === 'number' ? error.code : undefined;
}

/**
 * What the layers above may see of a driver's failure: STORE_UNAVAILABLE (nothing is known to be wrong with the
 * request, try again) or DEADLINE_EXCEEDED; a refusal by the server's owner is STORE_UNAVAILABLE, not retryable, and
 * names the setting. Anything else is a defect and stays as it is.
 */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  if (TOO_SLOW.has(error.name) || (code !== undefined && TOO_SLOW_CODE.has(code)))
    return new DomainError('DEADLINE_EXCEEDED', 'MongoDB took too long.', { cause: error });
  if (isUnreachable(error, code))
    return new DomainError('STORE_UNAVAILABLE', 'MongoDB is not available.', { cause: error });
  if (code !== undefined && REFUSED_CODE.has(code)) return refused(error, code);
  if (code === DISK_FULL_CODE)
    return new DomainError('STORE_UNAVAILABLE', 'The disk of MongoDB is full.', { cause: error });
  if (code === NO_TRANSACTIONS_CODE)
    return misconfigured(
      'the server has no transactions; make it a replica set (one member is enough).',
      error,
    );
  if (error.name === 'MongoCompatibilityError')
    return misconfigured('the server is too old; MongoDB 8.0 or newer is needed.', error);
  return error;
}

function isUnreachable(error: Error, code: number | undefined): boolean {
  if (error instanceof MongoNetworkError || UNREACHABLE.has(error.name)) return true;
  if ('code' in error && typeof error.code === 'string' && SOCKET_CODE.has(error.code)) return true;
  if (code !== undefined && UNREACHABLE_CODE.has(code)) return true;
  return error instanceof MongoError && UNREACHABLE_LABELS.some((label) => error.hasErrorLabel(label));
}

function refused(error: Error, code: number): DomainError {
  return misconfigured(
    code === 18
      ? 'the server does not know this user, or the password is wrong.'
      : 'this user may not read and write the database (role readWrite is needed).',
    error,
  );
}

function misconfigured(what: string, cause: Error): DomainError {
  return new DomainError('STORE_UNAVAILABLE', `MONGODB_URL: ${what}`, { cause, retryable: false });
}
