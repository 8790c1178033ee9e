import { graphemes, graphemeWidth, printable } from './text.ts';

/**
 * Wraps text at words while it still arrives. Every call returns what can be printed now; the word that is still
 * growing waits, since only its end tells on which line it stands. Scripts without spaces wrap between characters.
 */
export class StreamWrapper {
  readonly #columns: number;
  /** Printed on the current line so far. */
  #column = 0;
  #spaces = '';
  #word = '';
  #wordWidth = 0;
  /** The last grapheme: the next piece may add a combining character to it, or the second half of CRLF. */
  #held = '';

  constructor(columns: number) {
    this.#columns = Math.max(1, columns);
  }

  write(text: string): string {
    const all = graphemes(this.#held + text);
    this.#held = all.pop() ?? '';
    return this.#putAll(all);
  }

  /** The rest. */
  end(): string {
    const rest = this.#putAll(graphemes(this.#held)) + this.#flushWord();
    this.#held = '';
    return rest;
  }

  #putAll(all: readonly string[]): string {
    let output = '';
    for (const raw of all) for (const grapheme of graphemes(printable(raw))) output += this.#put(grapheme);
    return output;
  }

  #put(grapheme: string): string {
    if (grapheme === '\n') return this.#lineFeed();
    if (grapheme === ' ' || grapheme === '\t') {
      const output = this.#flushWord();
      this.#spaces += ' ';
      return output;
    }
    const width = graphemeWidth(grapheme);
    const breaksBefore = width === 2 || this.#wordWidth + width > this.#columns;
    const output = breaksBefore ? this.#flushWord() : '';
    this.#word += grapheme;
    this.#wordWidth += width;
    return width === 2 ? output + this.#flushWord() : output;
  }

  #lineFeed(): string {
    const output = this.#flushWord();
    this.#spaces = '';
    this.#column = 0;
    return `${output}\n`;
  }

  #flushWord(): string {
    if (this.#word === '') return '';
    const fits = this.#column + this.#spaces.length + this.#wordWidth <= this.#columns;
    const lead = fits ? this.#spaces : this.#column > 0 ? '\n' : '';
    this.#column = (fits ? this.#column + this.#spaces.length : 0) + this.#wordWidth;
    const output = lead + this.#word;
    this.#spaces = '';
    this.#word = '';
    this.#wordWidth = 0;
    return output;
  }
}

/** Whole text, wrapped. */
export function wrap(text: string, columns: number): string {
  const wrapper = new StreamWrapper(columns);
  return wrapper.write(text) + wrapper.end();
}
