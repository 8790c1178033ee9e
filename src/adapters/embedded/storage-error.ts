import { DomainError } from '../../domain/errors.ts';

/** A failure of the local machine that trying again does not mend; the sentence says what to do. */
export function storageError(message: string, cause?: unknown): DomainError {
  return new DomainError('STORE_UNAVAILABLE', message, { retryable: false, cause });
}

const READ_ONLY = new Set(['EACCES', 'EPERM', 'EROFS']);
const DISK_FULL = new Set(['ENOSPC', 'EDQUOT']);
const NOT_A_FOLDER = new Set(['ENOTDIR', 'EEXIST']);

/** One sentence for what the file system said about `path`; a DomainError passes unchanged. */
export function fromFileError(path: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const code = errorCode(error);
  if (READ_ONLY.has(code))
    return storageError(`${path} cannot be written to (${code}); check its owner and mode.`, error);
  if (DISK_FULL.has(code)) return storageError(`The disk that holds ${path} is full.`, error);
  if (NOT_A_FOLDER.has(code)) return storageError(`${path} is not a folder.`, error);
  return storageError(
    `${path} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
    error,
  );
}

/** `code` of a Node.js error, or ''. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
