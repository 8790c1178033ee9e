import { DomainError } from '../domain/errors.ts';

/** Everything before the last @ may hold a password. */
const PLACE = /^[a-z+]+:\/\/(?:.*@)?([^/?@]+)/;
const SYSTEM_CODE = /^E[A-Z_]{3,}$/;
const CAUSE_DEPTH_MAX = 8;
const ADVICE = 'is it running, and are host and port right?';

/**
 * Why a store cannot be used now, and what to do, in one sentence. Of an error only the system's own code is repeated
 * and what we said ourselves: messages of drivers hold parts of URLs.
 */
export function outageOf(url: string, error: DomainError): string {
  const place = PLACE.exec(url)?.[1] ?? 'the store';
  const code = systemCodeOf(error);
  if (code !== undefined) return `${place} cannot be reached (${code}); ${ADVICE}`;
  if (error.code === 'DEADLINE_EXCEEDED') return `${place} does not answer in time; ${ADVICE}`;
  return `${place} cannot be used now: ${error.message.replace(/^[A-Z_]+: /, '')}`;
}

/** Of an error, of what caused it, or of one of several attempts. */
function systemCodeOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Object) || depth > CAUSE_DEPTH_MAX) return undefined;
  if ('code' in error && typeof error.code === 'string' && !(error instanceof DomainError)) {
    if (SYSTEM_CODE.test(error.code)) return error.code;
  }
  for (const inner of attemptsOf(error)) {
    const code = systemCodeOf(inner, depth + 1);
    if (code !== undefined) return code;
  }
  return undefined;
}

/** `cause`; both addresses of a host (AggregateError); each node (cassandra-driver); each server (mongodb). */
function attemptsOf(error: object): readonly unknown[] {
  const { cause, errors, innerErrors, reason, error: failure } = error as Readonly<Record<string, unknown>>;
  const servers = reason instanceof Object && 'servers' in reason ? reason.servers : undefined;
  return [
    cause,
    failure,
    ...(Array.isArray(errors) ? errors : []),
    ...(innerErrors instanceof Object ? Object.values(innerErrors) : []),
    ...(servers instanceof Map ? servers.values() : []),
  ];
}
