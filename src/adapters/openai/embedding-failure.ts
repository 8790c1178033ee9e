import { DomainError } from '../../domain/errors.ts';

export type EmbeddingFailureKind = 'timeout' | 'rate-limited' | 'unavailable' | 'refused';

/** Why a request to an embedding server failed, and whether the same request may succeed later. */
export class EmbeddingFailure extends Error {
  readonly kind: EmbeddingFailureKind;
  /** 0: the server said nothing. */
  readonly retryAfterMs: number;

  constructor(kind: EmbeddingFailureKind, cause: unknown, retryAfterMs = 0) {
    super(kind, { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }

  get retryable(): boolean {
    return this.kind !== 'refused';
  }

  /** The server's own words stay in the cause: they may name keys or accounts. */
  toDomainError(): DomainError {
    const { cause, retryAfterMs } = this;
    if (this.kind === 'timeout') {
      return new DomainError('DEADLINE_EXCEEDED', 'The embedding model did not answer in time.', { cause });
    }
    if (this.kind === 'rate-limited') {
      return new DomainError('RATE_LIMITED', 'The embedding model takes no more requests now.', {
        cause,
        retryAfterMs,
      });
    }
    const message = this.kind === 'refused' ? 'refused the request' : 'is not available';
    return new DomainError('MODEL_FAILED', `The embedding model ${message}.`, {
      cause,
      retryable: this.retryable,
    });
  }
}

const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;

export function toEmbeddingFailure(error: unknown): EmbeddingFailure {
  if (error instanceof EmbeddingFailure) return error;
  const status = statusOf(error);
  if (status === TOO_MANY_REQUESTS) return new EmbeddingFailure('rate-limited', error, retryAfterMs(error));
  if (status === undefined || status >= 500 || status === REQUEST_TIMEOUT) {
    return new EmbeddingFailure('unavailable', error, retryAfterMs(error));
  }
  return new EmbeddingFailure('refused', error);
}

/** undefined: there was no answer at all. */
function statusOf(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** Retry-After in its form of seconds; a date is not honoured. */
function retryAfterMs(error: unknown): number {
  const headers =
    typeof error === 'object' && error !== null && 'headers' in error ? error.headers : undefined;
  const seconds = headers instanceof Headers ? Number(headers.get('retry-after')) : 0;
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}
