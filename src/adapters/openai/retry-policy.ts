import type { IncomingHttpHeaders } from 'node:http';
import { MalformedStreamError } from './completion-reader.ts';
import { HttpStatusError } from './stream-request.ts';

const BACKOFF_MS = 200;
const BACKOFF_MAX_MS = 8_000;
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 529]);
const MILLISECONDS = 1_000;

/** A status that may change by itself, a connection that broke, a stream that ended early. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof HttpStatusError) return RETRYABLE_STATUS.has(error.status);
  if (error instanceof MalformedStreamError) return true;
  return error instanceof Error && ('code' in error || error.message === 'the connection broke off');
}

/** How long the server asks to wait; undefined if it does not say. */
export function retryAfterMs(error: unknown, now: number): number | undefined {
  return error instanceof HttpStatusError ? readRetryAfter(error.headers, now) : undefined;
}

/** Exponential, with up to half of it taken off at random, so that many runs do not come back at one moment. */
export function backoffMs(attempt: number, randomByte: number): number {
  const full = Math.min(BACKOFF_MS * 2 ** (attempt - 1), BACKOFF_MAX_MS);
  return full * (1 - randomByte / 512);
}

function readRetryAfter(headers: IncomingHttpHeaders, now: number): number | undefined {
  const milliseconds = Number(headers['retry-after-ms']);
  if (milliseconds > 0) return milliseconds;
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (seconds >= 0) return seconds * MILLISECONDS;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
