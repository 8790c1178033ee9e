import type { LoadRequest } from '../../domain/ports/documents.ts';

export interface LoadLimits {
  /** Of the extracted text, UTF-16 units. */
  readonly textLengthMax: number;
  /** Of everything in an archive together, unpacked. */
  readonly unpackedBytesMax: number;
  readonly pageCountMax: number;
}

export interface LoadInput extends LoadRequest {
  readonly limits: LoadLimits;
}
