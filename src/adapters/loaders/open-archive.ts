import type { LoadInput } from './load-input.ts';
import { refusal } from './refusal.ts';
import { ZipArchive, ZipEncrypted, ZipTooLarge } from './zip-archive.ts';

type Source = Pick<LoadInput, 'bytes' | 'fileName' | 'limits'>;

/** The archive behind a file of one of the formats that are archives; its failures are refusals of that file. */
export function openArchive({ bytes, fileName, limits }: Source): ZipArchive {
  return refusing(fileName, () => new ZipArchive(bytes, limits.unpackedBytesMax));
}

/** Throws a refusal; undefined: the archive has no such entry. */
export function readEntry(
  archive: ZipArchive,
  name: string,
  fileName: string | null,
): Uint8Array | undefined {
  return refusing(fileName, () => archive.read(name));
}

function refusing<Value>(fileName: string | null, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw refusal(fileName, reasonOf(error), error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ZipTooLarge) return 'it unpacks to more than is allowed';
  if (error instanceof ZipEncrypted) return 'its archive is encrypted';
  return 'its archive is broken';
}
