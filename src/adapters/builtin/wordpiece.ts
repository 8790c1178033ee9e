import type { Tokenizer } from '../../domain/ports/models.ts';

const CONTINUATION = '##';
const UNKNOWN = '[UNK]';
/** A longer word is one [UNK], as in the reference tokenizer. Code points. */
const WORD_CODE_POINTS_MAX = 100;
const FIRST_CAPACITY_TOKENS = 512;

const DELETED = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u{FFFD}]/gu;
const IDEOGRAPHS =
  /[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F}]/gu;
const ACCENTS = /\p{Mn}/gu;
const CAPITAL_SIGMA = /\u03A3/g;
const WORDS = /[!-/:-@[-`{-~\p{P}]|[^\p{White_Space}!-/:-@[-`{-~\p{P}]+/gu;

const OTHER = 0;
const SPACE = 1;
const PUNCTUATION = 2;
const UPPER = 3;
/** Deleted, or not ASCII: the word it stands in takes the long way. */
const IRREGULAR = 4;
const ASCII_CLASS = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code === 32 || code === 9 || code === 10 || code === 13) return SPACE;
  if (code < 32 || code === 127) return IRREGULAR;
  if (code >= 65 && code <= 90) return UPPER;
  if (code >= 48 && code <= 57) return OTHER;
  if (code >= 97 && code <= 122) return OTHER;
  return PUNCTUATION;
});

/**
 * BERT's uncased WordPiece: same ids as the reference for any string. No special tokens are added, nothing is cut off.
 * Works on white-space separated segments: neither deletion, decomposition nor lower-casing reaches across ASCII white
 * space, so a segment without irregular characters can skip them all.
 */
export class WordPieceTokenizer implements Tokenizer {
  readonly #words = new Map<string, number>();
  readonly #continuations = new Map<string, number>();
  readonly #unknownId: number;
  readonly #entryLengthMax: number;
  #ids = new Uint32Array(FIRST_CAPACITY_TOKENS);
  #count = 0;

  /** `vocabulary`: one entry a line, LF-ended; the id is the line number from 0. */
  constructor(vocabulary: string) {
    const entries = vocabulary.split('\n');
    if (entries.at(-1) === '') entries.pop();
    let lengthMax = 0;
    for (const [id, entry] of entries.entries()) {
      lengthMax = Math.max(lengthMax, entry.length);
      if (entry.startsWith(CONTINUATION) && entry.length > CONTINUATION.length) {
        this.#continuations.set(entry.slice(CONTINUATION.length), id);
      } else this.#words.set(entry, id);
    }
    const unknownId = this.#words.get(UNKNOWN);
    if (unknownId === undefined) throw new Error('the vocabulary has no [UNK]');
    this.#unknownId = unknownId;
    this.#entryLengthMax = lengthMax;
  }

  count(text: string): number {
    this.#run(text);
    return this.#count;
  }

  encode(text: string): Uint32Array {
    this.#run(text);
    return this.#ids.slice(0, this.#count);
  }

  /** The same ids without a copy: valid until the next call on this tokenizer. */
  encodeShared(text: string): Uint32Array {
    this.#run(text);
    return this.#ids.subarray(0, this.#count);
  }

  #run(text: string): void {
    this.#count = 0;
    let index = 0;
    while (index < text.length) {
      while (index < text.length && classOf(text, index) === SPACE) index += 1;
      if (index < text.length) index = this.#segment(text, index);
    }
  }

  /** Tokenises the segment that begins at `start`; returns where it ends. */
  #segment(text: string, start: number): number {
    const countBefore = this.#count;
    let wordStart = start;
    let hasUpper = false;
    let index = start;
    for (; index < text.length; index += 1) {
      const kind = classOf(text, index);
      if (kind === OTHER) continue;
      if (kind === UPPER) {
        hasUpper = true;
        continue;
      }
      if (kind === SPACE) break;
      if (kind === IRREGULAR) {
        this.#count = countBefore;
        return this.#irregularSegment(text, start);
      }
      this.#asciiWord(text, wordStart, index, hasUpper);
      this.#word(text.charAt(index));
      wordStart = index + 1;
      hasUpper = false;
    }
    this.#asciiWord(text, wordStart, index, hasUpper);
    return index;
  }

  #asciiWord(text: string, start: number, end: number, hasUpper: boolean): void {
    if (end === start) return;
    const word = text.slice(start, end);
    this.#word(hasUpper ? word.toLowerCase() : word);
  }

  #irregularSegment(text: string, start: number): number {
    let end = start;
    while (end < text.length && classOf(text, end) !== SPACE) end += 1;
    // A capital sigma at a word's end would become U+03C2: the reference lower-cases without looking at neighbours.
    const normal = text
      .slice(start, end)
      .replace(DELETED, '')
      .replace(IDEOGRAPHS, ' $& ')
      .normalize('NFD')
      .replace(ACCENTS, '')
      .replace(CAPITAL_SIGMA, '\u03C3')
      .toLowerCase();
    for (const [word] of normal.matchAll(WORDS)) this.#word(word);
    return end;
  }

  #word(word: string): void {
    const whole = this.#words.get(word);
    if (whole !== undefined) this.#push(whole);
    else if (!this.#pieces(word)) this.#push(this.#unknownId);
  }

  /** Greedy, longest match first. False, and nothing pushed, if the word is too long or a part matches nothing. */
  #pieces(word: string): boolean {
    if (word.length > WORD_CODE_POINTS_MAX && codePointCount(word) > WORD_CODE_POINTS_MAX) return false;
    const countBefore = this.#count;
    let start = 0;
    while (start < word.length) {
      const entries = start === 0 ? this.#words : this.#continuations;
      let end = Math.min(word.length, start + this.#entryLengthMax);
      let id = entries.get(word.slice(start, end));
      while (id === undefined && end > start + 1) {
        end -= 1;
        id = entries.get(word.slice(start, end));
      }
      if (id === undefined) {
        this.#count = countBefore;
        return false;
      }
      this.#push(id);
      start = end;
    }
    return true;
  }

  #push(id: number): void {
    if (this.#count === this.#ids.length) {
      const larger = new Uint32Array(this.#ids.length * 2);
      larger.set(this.#ids);
      this.#ids = larger;
    }
    this.#ids[this.#count] = id;
    this.#count += 1;
  }
}

function classOf(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 128 ? (ASCII_CLASS[code] ?? IRREGULAR) : IRREGULAR;
}

function codePointCount(word: string): number {
  let count = 0;
  for (const _ of word) count += 1;
  return count;
}
