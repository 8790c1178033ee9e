import type { SQLOutputValue } from 'node:sqlite';
import { storageError } from '../storage-error.ts';

/** Platforms of this program are little-endian; a data folder does not move to one that is not. */
export function bytesOf(values: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function unpackIntegers(value: SQLOutputValue | undefined): Uint32Array {
  const bytes = alignedBytes(value);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Uint32Array.BYTES_PER_ELEMENT);
}

export function unpackVector(value: SQLOutputValue | undefined): Float32Array {
  const bytes = alignedBytes(value);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
}

function alignedBytes(value: SQLOutputValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array) || value.byteLength % 4 !== 0) throw damagedIndex();
  return value.byteOffset % 4 === 0 ? value : value.slice();
}

export function damagedIndex(): Error {
  return storageError('The chunk index is damaged; restore the data folder from a backup.');
}
