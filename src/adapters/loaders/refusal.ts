import { DomainError } from '../../domain/errors.ts';

const NAME_LENGTH_MAX = 120;

/** A file that will not become readable by trying again. `reason` continues the sentence: "the PDF is encrypted". */
export function refusal(fileName: string | null, reason: string, cause?: unknown): DomainError {
  const name = fileName === null ? 'The document' : `"${fileName.slice(0, NAME_LENGTH_MAX)}"`;
  return new DomainError('BAD_USER_INPUT', `${name} cannot be read: ${reason}.`, { cause });
}
