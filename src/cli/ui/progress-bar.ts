import type { Style } from './style.ts';
import { oneLine } from './text.ts';

/** Where progress is shown. */
export interface ProgressOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly style: Style;
}

const BAR_WIDTH_MAX = 30;
const PERCENT_WIDTH = 5;
/** Without a terminal a line is printed for each of these steps, not for each percent. */
const PLAIN_STEP_PERCENT = 25;
const ERASE_LINE = '\r\u001b[K';

/** One line that grows on a terminal; a few plain lines in a file or a pipe. */
export class ProgressBar {
  readonly #output: ProgressOutput;
  readonly #label: string;
  #shown = '';
  #plainStep = -1;
  #ended = false;

  constructor(output: ProgressOutput, label: string) {
    this.#output = output;
    this.#label = label;
    this.update(0);
  }

  /** `fraction` from 0 to 1. */
  update(fraction: number, note = ''): void {
    if (this.#ended) return;
    const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
    if (this.#output.isTerminal) this.#redraw(this.#line(percent, note));
    else this.#plain(percent);
  }

  succeed(note = 'done'): void {
    this.#end(this.#output.style.green('✓'), note);
  }

  fail(note: string): void {
    this.#end(this.#output.style.red('✗'), note);
  }

  #end(mark: string, note: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const text = oneLine(`${this.#label}: ${note}`, this.#output.columns - 2);
    this.#output.write(`${this.#output.isTerminal ? ERASE_LINE : ''}${mark} ${text}\n`);
  }

  #redraw(line: string): void {
    if (line === this.#shown) return;
    this.#shown = line;
    this.#output.write(ERASE_LINE + line);
  }

  #plain(percent: number): void {
    const step = Math.floor(percent / PLAIN_STEP_PERCENT);
    if (step <= this.#plainStep) return;
    this.#plainStep = step;
    this.#output.write(`${this.#label}: ${percent}%\n`);
  }

  /** Never as wide as the terminal: a full line would scroll, and the next redraw would leave it behind. */
  #line(percent: number, note: string): string {
    const { columns, style } = this.#output;
    const barWidth = Math.min(BAR_WIDTH_MAX, Math.floor(columns / 3));
    const filled = Math.round((percent / 100) * barWidth);
    const bar = style.cyan('█'.repeat(filled)) + style.dim('░'.repeat(barWidth - filled));
    const textWidth = Math.max(1, columns - barWidth - PERCENT_WIDTH - 2);
    const text = oneLine(note === '' ? this.#label : `${this.#label} · ${note}`, textWidth);
    return `${bar}${String(percent).padStart(PERCENT_WIDTH - 1)}% ${text}`;
  }
}
