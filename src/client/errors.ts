interface MultiDbErrorOptions {
  readonly retryable?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/**
 * Everything the SDK throws, an aborted signal's own reason aside. `code` is the server's (`NOT_FOUND`,
 * `QUOTA_EXCEEDED`, `INVALID_CREDENTIALS`, …) or one of the SDK's: `NETWORK` when the server could not be reached,
 * `BAD_RESPONSE` when something answered that is not this server.
 */
export class MultiDbError extends Error {
  readonly code: string;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before, in milliseconds, if the server said so. */
  readonly retryAfterMs: number | undefined;
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;

  constructor(code: string, message: string, options: MultiDbErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MultiDbError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.requestId = options.requestId;
  }
}

/** A failure type of a result union. */
export interface UserError {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}
export function userError({ code, message, retryAfterMs }: UserError): MultiDbError {
  return new MultiDbError(code, message, { retryable: retryAfterMs !== undefined, retryAfterMs });
}

export function networkError(message: string, cause?: unknown): MultiDbError {
  return new MultiDbError('NETWORK', message, { retryable: true, cause });
}

export function badResponse(message: string): MultiDbError {
  return new MultiDbError('BAD_RESPONSE', message);
}
