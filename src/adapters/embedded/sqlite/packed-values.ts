import type { SQLOutputValue } from 'node:sqlite';
import { storageError } from '../storage-error.ts';

/** A posting of one chunk: its key, then frequency and length in 16 bits each. */
const WORDS_PER_POSTING = 2;
const SIXTEEN_BITS = 0xffff;

export interface Posting {
  readonly chunkKey: number;
  /** How often the chunk contains the term; counts above 65,535 are that. */
  readonly frequency: number;
  /** Number of terms of the chunk, likewise. */
  readonly length: number;
}

export function packPostings(postings: readonly Posting[]): Uint8Array {
  const words = new Uint32Array(postings.length * WORDS_PER_POSTING);
  postings.forEach(({ chunkKey, frequency, length }, index) => {
    words[index * WORDS_PER_POSTING] = chunkKey;
    words[index * WORDS_PER_POSTING + 1] =
      Math.min(frequency, SIXTEEN_BITS) * 0x1_0000 + Math.min(length, SIXTEEN_BITS);
  });
  return bytesOf(words);
}

/** Calls back instead of building objects: a common term has a posting in every chunk. */
export function forEachPosting(
  value: SQLOutputValue | undefined,
  visit: (chunkKey: number, frequency: number, length: number) => void,
): void {
  const words = unpackIntegers(value);
  for (let at = 0; at + 1 < words.length; at += WORDS_PER_POSTING) {
    const counts = words[at + 1] ?? 0;
    visit(words[at] ?? 0, counts >>> 16, counts & SIXTEEN_BITS);
  }
}

export const POSTING_BYTES = WORDS_PER_POSTING * Uint32Array.BYTES_PER_ELEMENT;

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
  if (!(value instanceof Uint8Array) || value.byteLength % 4 !== 0) {
    throw storageError('The chunk index is damaged; restore the data folder from a backup.');
  }
  return value.byteOffset % 4 === 0 ? value : value.slice();
}
