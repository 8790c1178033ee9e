const OPEN = /[[【]/;
/** `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `【1】`, `【1†source】`: everything a model makes of "write [n]". */
const MARKER = /^[[【]\^?\s*(\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*)(?:\s*†[^\]】\n]*)?\s*[\]】]$/u;
/** What may still become a marker. */
const PREFIX = /^[[【]\^?\s*(?:\d{1,3}\s*(?:[,;–-]\s*\^?\d{0,3}\s*)*(?:†[^\]】\n]*)?)?$/u;
const HELD_LENGTH_MAX = 64;
const RANGE_MAX = 16;

export interface MarkerSink {
  text(text: string): void;
  /** Numbers of one marker, in order, as the model wrote them; the text before it has been passed on. */
  marker(numbers: readonly number[]): void;
}

/**
 * Takes citation markers out of streamed text, also when they are split over deltas. What may become a marker is held
 * back, with the white space before it, until it is one or cannot become one. Brackets in code are code.
 */
export class MarkerFilter {
  readonly #sink: MarkerSink;
  readonly #code = new CodeTracker();
  /** White space, or white space and the beginning of a marker. */
  #held = '';
  #output = '';

  constructor(sink: MarkerSink) {
    this.#sink = sink;
  }

  push(delta: string): void {
    // Most deltas hold nothing of interest: pass them on without looking at each character.
    if (this.#held === '' && isPlain(delta)) {
      this.#sink.text(delta);
      return;
    }
    for (const character of delta) this.#take(character);
    this.#flushOutput();
  }

  /** No more deltas: what was held back was text after all. */
  end(): void {
    this.#output += this.#held;
    this.#held = '';
    this.#flushOutput();
  }

  #take(character: string): void {
    const bracket = this.#bracket();
    if (bracket === '') this.#takeText(character);
    else if (/[\]】]/.test(character)) this.#close(bracket + character);
    else if (bracket.length < HELD_LENGTH_MAX && PREFIX.test(bracket + character)) this.#held += character;
    else {
      this.#release();
      this.#takeText(character);
    }
  }

  #takeText(character: string): void {
    const inCode = this.#code.take(character);
    if (!inCode && OPEN.test(character)) {
      this.#held += character;
    } else if (!inCode && (character === ' ' || character === '\t')) {
      this.#held += character;
    } else {
      this.#output += this.#held + character;
      this.#held = '';
    }
  }

  #close(candidate: string): void {
    const numbers = MARKER.exec(candidate)?.[1];
    if (numbers === undefined) {
      this.#output += this.#held + candidate.slice(-1);
      this.#held = '';
      return;
    }
    this.#held = '';
    this.#flushOutput();
    this.#sink.marker(expand(numbers));
  }

  #release(): void {
    this.#output += this.#held;
    this.#held = '';
  }

  #bracket(): string {
    const index = this.#held.search(OPEN);
    return index === -1 ? '' : this.#held.slice(index);
  }

  #flushOutput(): void {
    if (this.#output === '') return;
    const text = this.#output;
    this.#output = '';
    this.#sink.text(text);
  }
}

/** Inside `inline code` until its end or the line's, inside fences until the closing fence. */
class CodeTracker {
  #ticks = 0;
  #inline = false;
  #fenced = false;

  take(character: string): boolean {
    if (character === '`') {
      this.#ticks += 1;
      return true;
    }
    if (this.#ticks >= 3) this.#fenced = !this.#fenced;
    else if (this.#ticks === 1 && !this.#fenced) this.#inline = !this.#inline;
    this.#ticks = 0;
    if (character === '\n') this.#inline = false;
    return this.#inline || this.#fenced;
  }
}

function isPlain(delta: string): boolean {
  return !/[[【`\n]/.test(delta) && !/[ \t]$/.test(delta);
}

function expand(numbers: string): number[] {
  const expanded: number[] = [];
  for (const part of numbers.split(/[,;]/)) {
    const [first = 0, last = first] = part.split(/[–-]/).map((text) => Number(text.replace(/\D/g, '')));
    for (let n = first; n <= Math.min(last, first + RANGE_MAX); n += 1) expanded.push(n);
  }
  return [...new Set(expanded)];
}
