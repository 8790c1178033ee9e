import { DomainError } from '../../domain/errors.ts';

const UNREACHABLE = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN'],
  // Prisma: cannot reach, timed out, closed; no connection from the pool; transaction lost; write conflict.
  ...['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034'],
  // Serialization failure and deadlock: nothing happened, a repetition works.
  ...['40001', '40P01'],
]);
/** SQLSTATE classes: connection exception, insufficient resources, operator intervention (without 57014). */
const UNREACHABLE_CLASS = /^(08|53|57P)/;
/** Cancelled by statement_timeout; lock_timeout. */
const TOO_SLOW = new Set(['57014', '55P03']);
/** A NUL in a text or in JSON: PostgreSQL has no place for it. */
const UNSTORABLE = new Set(['22021', '22P05']);
const UNREACHABLE_MESSAGE =
  /timeout exceeded when trying to connect|Connection terminated|connection error and is not queryable|not queryable|pool after calling end/;
const CAUSE_DEPTH_MAX = 6;
const DISK_FULL = '53100';
/** The server is not the one that the settings mean, and no waiting mends it. */
const MISCONFIGURED: ReadonlyMap<string, string> = new Map([
  ['28P01', 'the server refused user and password.'],
  ['28000', 'the server does not let this user in; does the role exist, and does pg_hba.conf allow it?'],
  ['3D000', 'there is no such database; create it first.'],
  ['42501', 'the user may not do this; grant SELECT, INSERT, UPDATE and DELETE on all tables.'],
]);

/** The SQLSTATE (or Prisma, or socket) codes of an error and of what caused it, outermost first. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < CAUSE_DEPTH_MAX && current instanceof Object; depth += 1) {
    const fields = current as {
      readonly code?: unknown;
      readonly originalCode?: unknown;
      readonly cause?: unknown;
      readonly meta?: { readonly driverAdapterError?: unknown };
    };
    for (const code of [fields.code, fields.originalCode]) if (typeof code === 'string') codes.push(code);
    current = fields.cause ?? fields.meta?.driverAdapterError;
  }
  return codes;
}

/**
 * What the layers above may see of a driver's failure: STORE_UNAVAILABLE (nothing was decided, try again),
 * DEADLINE_EXCEEDED, BAD_USER_INPUT for text that cannot be stored. Anything else is a defect and stays as it is.
 */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  const codes = codesOf(error);
  const message = error instanceof Error ? error.message : '';
  if (codes.some((code) => TOO_SLOW.has(code)) || message === 'Query read timeout')
    return new DomainError('DEADLINE_EXCEEDED', 'The database took too long.', { cause: error });
  const misconfigured = codes.map((code) => MISCONFIGURED.get(code)).find((what) => what !== undefined);
  if (misconfigured !== undefined)
    return new DomainError('STORE_UNAVAILABLE', `DATABASE_URL: ${misconfigured}`, {
      retryable: false,
      cause: error,
    });
  if (codes.includes(DISK_FULL))
    return new DomainError('STORE_UNAVAILABLE', 'The disk of the database is full.', { cause: error });
  if (
    codes.some((code) => UNREACHABLE.has(code) || UNREACHABLE_CLASS.test(code)) ||
    UNREACHABLE_MESSAGE.test(message)
  )
    return new DomainError('STORE_UNAVAILABLE', 'The database is not available.', { cause: error });
  if (codes.some((code) => UNSTORABLE.has(code)))
    return new DomainError('BAD_USER_INPUT', 'The text contains a NUL character.', { cause: error });
  return error;
}

/** A row that this one points to does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  const codes = codesOf(error);
  return codes.includes('23503') || codes.includes('P2003');
}

/** True when exactly this unique constraint or index (or any, if not named) refused a row. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const codes = codesOf(error);
  if (!codes.includes('23505') && !codes.includes('P2002')) return false;
  if (constraint === undefined) return true;
  return error instanceof Object && 'constraint' in error && error.constraint === constraint;
}
