import snowball from 'snowball-stemmers';
import type { Language } from './language.ts';

/** Porter2 costs about 20 µs a word, a hit a fraction of one; few corpora have more distinct words. */
const CACHE_ENTRIES_MAX = 65_536;
/** Shorter ones have no ending to lose. UTF-16 units. */
const STEMMED_LENGTH_MIN = 3;
const PART_LENGTH = 4;
/** They write several words as one. */
const COMPOUNDING: ReadonlySet<Algorithm> = new Set<Algorithm>([
  'german',
  'dutch',
  'swedish',
  'danish',
  'norwegian',
  'finnish',
  'hungarian',
]);
const ASCII_LETTERS = /^[a-z]+$/;
const LATIN_LETTERS = /^\p{Script=Latin}+$/u;
/** Where the script alone tells which endings a word may have. */
const ALGORITHMS_OF_SCRIPTS: readonly (readonly [RegExp, Algorithm])[] = [
  [/^\p{Script=Cyrillic}+$/u, 'russian'],
  [/^\p{Script=Arabic}+$/u, 'arabic'],
  [/^\p{Script=Armenian}+$/u, 'armenian'],
];

type Algorithm = Language | 'russian' | 'arabic' | 'armenian';
interface Stemming {
  readonly stem: (word: string) => string;
  readonly terms: Map<string, readonly string[]>;
}
const stemmings = new Map<Algorithm, Stemming>();

export function isLatin(word: string): boolean {
  return ASCII_LETTERS.test(word) || LATIN_LETTERS.test(word);
}

/**
 * The terms of a lower-case word: its stem; and in languages that compound, also the first and the last letters of it,
 * because the parts of a compound stand there (`Wahlkreis` meets `Wahl`, and `Kreis`). Words of scripts whose endings nobody described
 * here stay as they are.
 */
export function stemmed(word: string, language: Language): readonly string[] {
  const algorithm = algorithmFor(word, language);
  if (algorithm === undefined || word.length < STEMMED_LENGTH_MIN) return [word];
  const { stem, terms } = stemmingOf(algorithm);
  const known = terms.get(word);
  if (known !== undefined) return known;
  if (terms.size >= CACHE_ENTRIES_MAX) terms.clear();
  // V8 makes a slice point into its source: a copied key keeps one word alive instead of the whole document.
  const key = Buffer.from(word, 'utf16le').toString('utf16le');
  const made = withParts(stem(key), algorithm);
  terms.set(key, made);
  return made;
}

function withParts(stem: string, algorithm: Algorithm): readonly string[] {
  if (!COMPOUNDING.has(algorithm) || stem.length <= PART_LENGTH) return [stem];
  return [stem, `${stem.slice(0, PART_LENGTH)}~`, `~${stem.slice(-PART_LENGTH)}`];
}

function algorithmFor(word: string, language: Language): Algorithm | undefined {
  if (ASCII_LETTERS.test(word)) return language;
  // Letters that English has not: the word is not English, whatever the text is.
  if (LATIN_LETTERS.test(word)) return language === 'english' ? undefined : language;
  return ALGORITHMS_OF_SCRIPTS.find(([script]) => script.test(word))?.[1];
}

function stemmingOf(algorithm: Algorithm): Stemming {
  const known = stemmings.get(algorithm);
  if (known !== undefined) return known;
  const stemmer = snowball.newStemmer(algorithm);
  const made = { stem: (word: string) => stemmer.stem(word), terms: new Map<string, readonly string[]>() };
  stemmings.set(algorithm, made);
  return made;
}
