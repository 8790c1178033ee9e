import { type Language, languageOf } from './language.ts';
import { isLatin, stemmed } from './stemming.ts';

/** Longer "words" are encoded data; their beginning is enough to find them again. UTF-16 units. */
const TERM_LENGTH_MAX = 64;

const SEPARATOR = 1;
const LATIN = 2;
const WORD = 3;
const MARK = 4;
const UNSEGMENTED = 5;
const NUMBER = 6;
type CharacterClass =
  | typeof SEPARATOR
  | typeof LATIN
  | typeof WORD
  | typeof MARK
  | typeof UNSEGMENTED
  | typeof NUMBER;

/** Written without spaces; and Hangul, whose nouns carry their particles, so that whole words would rarely meet. */
const UNSEGMENTED_SCRIPT =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
/** Accents, Hebrew points, Arabic vowel signs: what writers leave out. Vowel signs of other scripts are letters. */
const OPTIONAL_MARKS =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]+/g;
const BEYOND_ASCII = /[^\p{ASCII}]/u;
const APOSTROPHES = /[\u2019\u02bc\uff07]/g;

/** Class of each UTF-16 unit of the basic plane; 0 where none was asked for yet. */
const classes = new Uint8Array(0x1_0000);
/**
 * Text to index terms, in order, repeats kept. The same function runs over chunks and over questions: lower case,
 * accents folded, words stemmed in the language that the text shows itself to be in, scripts without spaces as
 * overlapping pairs of characters, parts of compounds (`node.js`, `snake_case`) as terms of their own, `c++`, `c#` and
 * `f#` whole. Stop words stay: BM25's idf makes them weigh next to nothing, and a question of nothing else is still
 * answered.
 */
export function analyze(text: string): string[] {
  const tokens = tokenize(text);
  const language = languageOf(wordsOf(tokens));
  return tokens.flatMap(({ text: word, kind }) => (kind === 'word' ? stemmed(word, language) : word));
}

/** What a text is written in, as far as stemming and embedding care: `other` is most of it in another script. */
export function writtenIn(text: string): Language | 'other' {
  const tokens = tokenize(text);
  const latinCount = tokens.filter((token) => isLatin(token.text)).length;
  return latinCount * 2 < tokens.length ? 'other' : languageOf(wordsOf(tokens));
}

interface Token {
  readonly text: string;
  /** Only words of letters are stemmed. */
  readonly kind: 'word' | 'term';
}

function* wordsOf(tokens: readonly Token[]): Generator<string> {
  for (const { text, kind } of tokens) if (kind === 'word') yield text;
}

function tokenize(text: string): Token[] {
  const folded = BEYOND_ASCII.test(text) ? fold(text) : text.toLowerCase();
  const tokens: Token[] = [];
  let index = 0;
  while (index < folded.length) {
    const kind = classAt(folded, index);
    if (kind === SEPARATOR || kind === MARK) index += unitsAt(folded, index);
    else if (kind === UNSEGMENTED) index = readPairs(folded, index, tokens);
    else index = readWord(folded, index, tokens);
  }
  return tokens;
}

/** NFC last: NFKD takes Hangul and Japanese voicing apart, and they must come out as they are written. */
function fold(text: string): string {
  const decomposed = text.replace(APOSTROPHES, "'").normalize('NFKD').toLowerCase();
  return decomposed.replace(OPTIONAL_MARKS, '').normalize('NFC');
}

function readWord(text: string, start: number, tokens: Token[]): number {
  let end = start;
  let isWord = true;
  let isLetter = true;
  for (; end < text.length; end += unitsAt(text, end)) {
    const kind = classAt(text, end);
    if (kind === SEPARATOR || kind === UNSEGMENTED) break;
    if (kind === NUMBER) isWord = false;
    if (kind !== LATIN) isLetter = false;
  }
  const suffixed = isLetter && end - start === 1 ? end + symbolsAt(text, end) : end;
  const word = text.slice(start, Math.min(suffixed, start + TERM_LENGTH_MAX));
  tokens.push({ text: word, kind: isWord && suffixed === end ? 'word' : 'term' });
  return isPossessiveAt(text, suffixed) ? suffixed + 2 : suffixed;
}

/** Overlapping pairs of characters (with the marks that belong to them); a character that stands alone, alone. */
function readPairs(text: string, start: number, tokens: Token[]): number {
  let previous = '';
  let isAlone = true;
  let index = start;
  while (index < text.length && classAt(text, index) === UNSEGMENTED) {
    let end = index + unitsAt(text, index);
    while (end < text.length && classAt(text, end) === MARK) end += unitsAt(text, end);
    const character = text.slice(index, Math.min(end, index + TERM_LENGTH_MAX));
    if (previous !== '') {
      tokens.push({ text: previous + character, kind: 'term' });
      isAlone = false;
    }
    previous = character;
    index = end;
  }
  if (isAlone) tokens.push({ text: previous, kind: 'term' });
  return index;
}

/** Length of the `++` or `#` that belongs to a one-letter name. */
function symbolsAt(text: string, index: number): number {
  if (text.startsWith('++', index)) return 2;
  return text[index] === '#' ? 1 : 0;
}

function isPossessiveAt(text: string, index: number): boolean {
  if (text[index] !== "'" || text[index + 1] !== 's') return false;
  return index + 2 >= text.length || classAt(text, index + 2) === SEPARATOR;
}

function unitsAt(text: string, index: number): 1 | 2 {
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit < 0xdc00 && index + 1 < text.length ? 2 : 1;
}

function classAt(text: string, index: number): CharacterClass {
  const unit = text.charCodeAt(index);
  const known = classes[unit];
  if (known !== undefined && known !== 0) return known as CharacterClass;
  const kind = classify(String.fromCodePoint(text.codePointAt(index) ?? unit));
  if (unit < 0xd800 || unit > 0xdfff) classes[unit] = kind;
  return kind;
}

function classify(character: string): CharacterClass {
  if (/[a-z]/.test(character)) return LATIN;
  if (/\p{M}/u.test(character)) return MARK;
  if (!/[\p{L}\p{N}]/u.test(character)) return SEPARATOR;
  if (/\p{N}/u.test(character) && !UNSEGMENTED_SCRIPT.test(character)) return NUMBER;
  return UNSEGMENTED_SCRIPT.test(character) ? UNSEGMENTED : WORD;
}
