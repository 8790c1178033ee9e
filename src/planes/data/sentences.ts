/**
 * Sentence ends by punctuation, for any script: a rule, not a grammar. A wrong guess at an abbreviation only moves a
 * chunk's border, and Intl.Segmenter would take longer than embedding does. Hand-written scans instead of expressions
 * with repetition: ten megabytes of dots must take linear time.
 */
const STOPS = unitSet('.!?…։؟۔।॥');
/** These end a sentence without white space behind them. */
const WIDE_STOPS = unitSet('。！？｡．');
const CLOSERS = unitSet('"\'”’»)]」』）】');

/** Offsets after each sentence of `text` between start and end, ascending; the last one is `end`. */
export function sentenceEnds(text: string, start: number, end: number): number[] {
  const ends: number[] = [];
  let offset = start;
  while (offset < end) {
    const unit = text.charCodeAt(offset);
    offset += 1;
    let wide = WIDE_STOPS.has(unit);
    if (!wide && !STOPS.has(unit)) continue;
    for (; offset < end; offset += 1) {
      const next = text.charCodeAt(offset);
      wide ||= WIDE_STOPS.has(next);
      if (!STOPS.has(next) && !WIDE_STOPS.has(next) && !CLOSERS.has(next)) break;
    }
    if (offset < end && (wide || isBlank(text.charCodeAt(offset)))) ends.push(offset);
  }
  ends.push(end);
  return ends;
}

/** Where the last sentence of a span begins, white space skipped. The span's start if it holds only one. */
export function lastSentenceStart(text: string, start: number, end: number): number {
  const previousEnd = sentenceEnds(text, start, end).at(-2) ?? start;
  return skipBlanks(text, previousEnd, end);
}

export function skipBlanks(text: string, from: number, end: number): number {
  let offset = from;
  while (offset < end && isBlank(text.charCodeAt(offset))) offset += 1;
  return offset;
}

export function trimBlanks(text: string, start: number, from: number): number {
  let offset = from;
  while (offset > start && isBlank(text.charCodeAt(offset - 1))) offset -= 1;
  return offset;
}

/** White space as String.prototype.trim has it. */
export function isBlank(unit: number): boolean {
  if (unit <= 32) return unit === 32 || (unit >= 9 && unit <= 13);
  if (unit < 160) return false;
  return unit === 160 || unit === 0xfeff || (unit >= 0x1680 && /\s/.test(String.fromCharCode(unit)));
}

/** How far a cut may move back to keep marks with their letter; longer chains of marks are cut anywhere. UTF-16 units. */
const CUT_SHIFT_MAX = 32;

/**
 * A place at or a little before `wanted` where a text may be cut: never inside a surrogate pair, and where possible not
 * before a combining mark or joiner. `wanted` lies at least two units behind `start`; so does the cut, or one.
 */
export function safeCut(text: string, start: number, wanted: number): number {
  const floor = Math.max(start + 1, wanted - CUT_SHIFT_MAX);
  let cut = wanted;
  while (cut > floor && joinsToPrevious(text, cut)) cut -= 1;
  if (cut > floor) return cut;
  return insidePair(text, wanted) ? wanted - 1 : wanted;
}

function joinsToPrevious(text: string, offset: number): boolean {
  if (insidePair(text, offset) || text.charCodeAt(offset - 1) === 0x200d) return true;
  return JOINED.test(text.slice(offset, offset + 2)) || insideFlag(text, offset);
}

/** Marks, joiners, skin tones. */
const JOINED = /^(?:\p{M}|\u200d|[\u{1f3fb}-\u{1f3ff}])/u;

/** A flag is two regional letters, each a surrogate pair; of a row of them every second border is inside one. */
function insideFlag(text: string, offset: number): boolean {
  let letters = 0;
  if (!isRegional(text, offset)) return false;
  while (letters <= CUT_SHIFT_MAX && isRegional(text, offset - 2 * (letters + 1))) letters += 1;
  return letters % 2 === 1;
}

function isRegional(text: string, offset: number): boolean {
  const point = offset < 0 ? undefined : text.codePointAt(offset);
  return point !== undefined && point >= 0x1f1e6 && point <= 0x1f1ff;
}

function insidePair(text: string, offset: number): boolean {
  const low = text.charCodeAt(offset);
  const high = text.charCodeAt(offset - 1);
  return low >= 0xdc00 && low <= 0xdfff && high >= 0xd800 && high <= 0xdbff;
}

function unitSet(characters: string): ReadonlySet<number> {
  return new Set([...characters].map((character) => character.charCodeAt(0)));
}
