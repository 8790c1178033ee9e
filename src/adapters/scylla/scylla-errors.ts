import { errors, types } from 'cassandra-driver';
import { DomainError } from '../../domain/errors.ts';

const codes = types.responseErrorCodes;
/** The server says that it, or its replicas, took too long; a write may or may not have happened. */
const TOO_SLOW: ReadonlySet<number> = new Set([codes.readTimeout, codes.writeTimeout]);
/** The server, or too many replicas, cannot do it now. */
const UNAVAILABLE: ReadonlySet<number> = new Set([
  ...[codes.serverError, codes.unavailableException, codes.overloaded, codes.isBootstrapping],
  ...[codes.truncateError, codes.readFailure, codes.writeFailure],
]);
const SOCKET_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN'],
]);
const UNKNOWN_KEYSPACE = /keyspace '?\w+'? does not exist/i;
const UNKNOWN_TABLE = /unconfigured table|table \S+ does not exist/i;
const UNKNOWN_COLUMN = /undefined column|unknown identifier|unrecognized name/i;
const UNKNOWN_DATA_CENTRE = /localDataCenter was configured as '([^']*)'.*data centers: \[([^\]]*)\]/;

/**
 * What the layers above may see of a driver's failure: STORE_UNAVAILABLE or DEADLINE_EXCEEDED (nothing is lost, try
 * again: every statement is idempotent), or STORE_UNAVAILABLE that no repetition helps, naming the setting. Anything
 * else is a defect and stays as it is.
 */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  if (error instanceof errors.NoHostAvailableError) return fromNoHost(error);
  if (error instanceof errors.OperationTimedOutError) return tooSlow(error);
  if (error instanceof errors.BusyConnectionError) return unavailable(error);
  if (error instanceof errors.AuthenticationError) return unauthenticated(error);
  if (error instanceof errors.ResponseError) return fromResponse(error);
  if (error instanceof errors.ArgumentError) return fromArgument(error);
  return isSocketError(error) ? unavailable(error) : error;
}

export function tooSlow(cause: unknown): DomainError {
  return new DomainError('DEADLINE_EXCEEDED', 'ScyllaDB took too long.', { cause });
}

function unavailable(cause: unknown): DomainError {
  return new DomainError('STORE_UNAVAILABLE', 'ScyllaDB is not available.', { cause });
}

/** Every host has a reason of its own; one that no waiting cures is the one to tell. */
function fromNoHost(error: errors.NoHostAvailableError): DomainError {
  const reasons: unknown[] = Object.values(error.innerErrors ?? {});
  const lasting = reasons
    .map(toDomainError)
    .find((reason) => reason instanceof DomainError && !reason.retryable);
  if (lasting instanceof DomainError) return lasting;
  const allSlow = reasons.every((reason) => reason instanceof errors.OperationTimedOutError);
  return reasons.length > 0 && allSlow ? tooSlow(error) : unavailable(error);
}

function fromResponse(error: errors.ResponseError): unknown {
  if (TOO_SLOW.has(error.code)) return tooSlow(error);
  if (UNAVAILABLE.has(error.code)) return unavailable(error);
  if (error.code === codes.badCredentials) return unauthenticated(error);
  if (error.code === codes.unauthorized) {
    return misconfigured('the user may not read or write the keyspace', error);
  }
  if (error.code === codes.invalid || error.code === codes.configError) {
    if (UNKNOWN_KEYSPACE.test(error.message)) {
      return misconfigured('the keyspace does not exist; run `multidb migrate` first', error);
    }
    if (UNKNOWN_TABLE.test(error.message) || UNKNOWN_COLUMN.test(error.message)) {
      return misconfigured('the tables are not of this version; run `multidb migrate` first', error);
    }
  }
  return error;
}

function fromArgument(error: errors.ArgumentError): unknown {
  const [, wanted, found] = UNKNOWN_DATA_CENTRE.exec(error.message) ?? [];
  if (wanted === undefined) return error;
  return misconfigured(`there is no data centre ${wanted}; dc must be one of: ${found}`, error);
}

function unauthenticated(cause: unknown): DomainError {
  return misconfigured('the server refused user and password', cause);
}

function misconfigured(what: string, cause: unknown): DomainError {
  return new DomainError('STORE_UNAVAILABLE', `SCYLLA_URL: ${what}.`, { retryable: false, cause });
}

function isSocketError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // The driver marks what a broken connection did to its requests; a failed connect has the socket's own code.
  if ('isSocketError' in error && error.isSocketError === true) return true;
  return 'code' in error && typeof error.code === 'string' && SOCKET_CODES.has(error.code);
}
