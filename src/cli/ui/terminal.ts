import { type CitationView, renderCitations } from './citations.ts';
import { ProgressBar, type ProgressOutput } from './progress-bar.ts';
import { StreamWrapper } from './stream-wrapper.ts';
import { type ColorEnvironment, makeStyle, type Style, wantsColor } from './style.ts';
import { printable } from './text.ts';

/** The part of `process.stdout` that is used. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}
export interface TextStream {
  write(text: string): void;
  /** Prints what is held back and ends the line. */
  end(): void;
}

const COLUMNS_DEFAULT = 80;
/** Longer lines are hard to read, however wide the window. */
const TEXT_COLUMNS_MAX = 100;

/** Prints for people on a terminal, and plainly for files and pipes: no colours, no redrawing, no wrapping. */
export class Terminal implements ProgressOutput {
  readonly style: Style;
  readonly #stream: OutputStream;

  constructor(stream: OutputStream, env: ColorEnvironment) {
    this.#stream = stream;
    this.style = makeStyle(wantsColor(env, this.isTerminal));
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Asked anew each time: windows change their size. A terminal without a window says that it has none. */
  get columns(): number {
    return this.#stream.columns || COLUMNS_DEFAULT;
  }

  write(text: string): void {
    this.#stream.write(text);
  }

  /** `text` may be styled; for what others wrote there are `startStream` and `citations`. */
  line(text = ''): void {
    this.write(`${text}\n`);
  }

  /** An answer as it comes. */
  startStream(): TextStream {
    if (!this.isTerminal) {
      return { write: (text) => this.write(printable(text)), end: () => this.line() };
    }
    const wrapper = new StreamWrapper(this.#textColumns());
    return {
      write: (text) => this.write(wrapper.write(text)),
      end: () => this.line(wrapper.end()),
    };
  }

  /** Nothing for an answer without sources. */
  citations(citations: readonly CitationView[]): void {
    if (citations.length === 0) return;
    this.line();
    this.line(this.style.bold('Sources'));
    this.write(renderCitations(citations, this.#textColumns(), this.style));
  }

  progress(label: string): ProgressBar {
    return new ProgressBar(this, label);
  }

  #textColumns(): number {
    return Math.min(TEXT_COLUMNS_MAX, this.columns);
  }
}
