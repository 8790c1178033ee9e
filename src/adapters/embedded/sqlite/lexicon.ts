import { bytesOf, unpackIntegers } from './packed-values.ts';
import type { Row } from './statements.ts';

/** How often a chunk contains a term, at most; it shares 32 bits with the chunk's place. */
export const FREQUENCY_BITS = 10;
export const FREQUENCY_MAX = 2 ** FREQUENCY_BITS - 1;

/** Chunks of one document that contain one term: the words of `words` from `from` up to `to`. */
export interface Places {
  words: Uint32Array;
  from: number;
  to: number;
}

/**
 * The terms of a whole document turned round, from those of its chunks in order (pairs of term key and count): for each
 * term its key, the number of its places and the places. A place is the chunk's index and the frequency there.
 */
export function packLexicon(termsOfChunks: readonly Uint32Array[]): Uint8Array {
  const places = new Map<number, number[]>();
  let size = 0;
  termsOfChunks.forEach((pairs, index) => {
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const key = pairs[at] ?? 0;
      const place = index * 2 ** FREQUENCY_BITS + Math.min(pairs[at + 1] ?? 0, FREQUENCY_MAX);
      const known = places.get(key);
      if (known === undefined) places.set(key, [place]);
      else known.push(place);
      size += 1;
    }
  });
  const words = new Uint32Array(2 * places.size + size);
  let at = 0;
  for (const [key, list] of places) {
    words[at] = key;
    words[at + 1] = list.length;
    words.set(list, at + 2);
    at += list.length + 2;
  }
  return bytesOf(words);
}

/** Calls back with every term of a document; the places are one object, to be read at once. */
export function forEachTermOf(row: Row, visit: (termKey: number, places: Places) => void): void {
  const { places: packed } = row;
  const words = unpackIntegers(packed);
  const places = { words, from: 0, to: 0 };
  while (places.to + 1 < words.length) {
    const key = words[places.to] as number;
    places.from = places.to + 2;
    places.to = places.from + (words[places.to + 1] as number);
    visit(key, places);
  }
}
