import { FREQUENCY_BITS, FREQUENCY_MAX, type Places } from './lexicon.ts';

const FIRST_CAPACITY = 4;
/** A term's entry in the map beside its list, roughly. */
const TERM_BYTES = 64;

interface PostingList {
  words: Uint32Array;
  length: number;
}

/**
 * Which slots contain a term, and how often: an inverted index in memory. Slots are only ever added with growing
 * numbers, so each list is sorted; those that died are skipped by the reader. Most terms occur once, so a single posting
 * is kept as a bare number.
 */
export class TermIndex {
  readonly #lists = new Map<number, number | PostingList>();
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds the places of a term in a document whose first chunk has the slot `firstSlot`. */
  add(termKey: number, firstSlot: number, { words, from, to }: Places): void {
    const base = firstSlot * 2 ** FREQUENCY_BITS;
    const known = this.#lists.get(termKey);
    if (known === undefined && to - from === 1) {
      this.#lists.set(termKey, base + (words[from] as number));
      this.#byteLength += TERM_BYTES;
      return;
    }
    const list = typeof known === 'object' ? known : this.#makeList(termKey, known);
    for (let at = from; at < to; at += 1) this.#push(list, base + (words[at] as number));
  }

  /** In ascending order of slots, dead ones included. */
  forEach(termKey: number, visit: (slot: number, frequency: number) => void): void {
    const known = this.#lists.get(termKey);
    if (known === undefined) return;
    if (typeof known === 'number') {
      visit(known >>> FREQUENCY_BITS, known & FREQUENCY_MAX);
      return;
    }
    const { words, length } = known;
    for (let at = 0; at < length; at += 1) {
      const posting = words[at] as number;
      visit(posting >>> FREQUENCY_BITS, posting & FREQUENCY_MAX);
    }
  }

  /** How often the slot contains the term; 0 if it does not. */
  frequency(termKey: number, slot: number): number {
    const known = this.#lists.get(termKey);
    if (known === undefined) return 0;
    const { words, length } = typeof known === 'number' ? { words: [known], length: 1 } : known;
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((words[middle] ?? 0) >>> FREQUENCY_BITS < slot) low = middle + 1;
      else high = middle;
    }
    const posting = low < length ? (words[low] ?? 0) : 0;
    return posting >>> FREQUENCY_BITS === slot ? posting & FREQUENCY_MAX : 0;
  }

  #makeList(termKey: number, first: number | undefined): PostingList {
    const list = { words: new Uint32Array(FIRST_CAPACITY), length: 0 };
    this.#lists.set(termKey, list);
    this.#byteLength += TERM_BYTES + list.words.byteLength;
    if (first !== undefined) this.#push(list, first);
    return list;
  }

  #push(list: PostingList, posting: number): void {
    if (list.length === list.words.length) {
      const words = new Uint32Array(list.length * 2);
      words.set(list.words);
      this.#byteLength += words.byteLength - list.words.byteLength;
      list.words = words;
    }
    list.words[list.length] = posting;
    list.length += 1;
  }
}
