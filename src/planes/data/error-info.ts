import { DomainError, type ErrorInfo } from '../../domain/errors.ts';

/** What a document's failure shows: words meant to be shown, or none of the unknown error's. Unknown ones are retried. */
export function toErrorInfo(error: unknown): ErrorInfo {
  if (error instanceof DomainError) {
    return { code: error.code, message: error.message, retryable: error.retryable };
  }
  return { code: 'INTERNAL', message: 'The document could not be processed.', retryable: true };
}

/** For the log: the kind and words of an error, never what was processed. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
