import { DomainError } from '../../../domain/errors.ts';
import { storageError } from '../storage-error.ts';

const BUSY = 5;
const READ_ONLY = 8;
const INPUT_OUTPUT = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

/** One sentence for what SQLite said about the file; anything that is not SQLite's passes unchanged. */
export function fromSqliteError(path: string, error: unknown): unknown {
  if (error instanceof DomainError || !(error instanceof Error) || !('errcode' in error)) return error;
  // The low byte is the result code, the rest says where it came from.
  switch (Number(error.errcode) & 0xff) {
    case BUSY:
      return new DomainError('STORE_UNAVAILABLE', `${path} is busy.`, { cause: error });
    case READ_ONLY:
    case CANNOT_OPEN:
      return storageError(
        `${path} cannot be written to; check its owner and mode, and those of its folder.`,
        error,
      );
    case FULL:
      return storageError(`The disk that holds ${path} is full.`, error);
    case INPUT_OUTPUT:
      return storageError(`The disk that holds ${path} reports errors.`, error);
    case CORRUPT:
    case NOT_A_DATABASE:
      return storageError(`${path} is damaged; restore it from a backup of the data folder.`, error);
    default:
      return error;
  }
}
