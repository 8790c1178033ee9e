import type { LoadedText } from '../../domain/ports/documents.ts';

/** From the weakest to the strongest. */
const BREAKS = ['', ' ', '\n', '\n\n'] as const;
type Break = (typeof BREAKS)[number];

/** Bounds of a document's text, exceeded; who catches them knows which file it was. */
export class TextTooLong extends Error {}
export class TooDeep extends Error {}

/**
 * Collects the text of a document with the offsets of its structure. White space is collapsed; breaks are written only
 * between two texts, so that a heading or a block begins exactly at its first character.
 */
export class TextBuilder {
  readonly headings: LoadedText['headings'][number][] = [];
  readonly blocks: LoadedText['blocks'][number][] = [];
  readonly #lengthMax: number;
  readonly #parts: string[] = [];
  #length = 0;
  #pending: Break = '';
  #prefix = '';
  #blockDepth = 0;
  #blockStart: number | undefined;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get inBlock(): boolean {
    return this.#blockDepth > 0;
  }

  /** Where the next text would begin. */
  get nextStart(): number {
    return this.#length === 0 ? 0 : this.#length + this.#pending.length;
  }

  /** The longer of the wanted and the pending break is kept. */
  break(kind: Break): void {
    // Behind a list mark its item's text follows in the same line, whatever element it stands in.
    if (this.#prefix !== '') return;
    if (BREAKS.indexOf(kind) > BREAKS.indexOf(this.#pending)) this.#pending = kind;
  }

  /** A new line whose first text stands behind a mark; without any text there is no line. */
  markedLine(mark: string): void {
    this.#prefix = '';
    this.break('\n');
    this.#prefix = mark;
  }

  /** Text in which white space means nothing but a word's end. */
  append(text: string): void {
    const collapsed = text.replace(/[\s\0]+/g, ' ');
    if (collapsed.startsWith(' ')) this.break(' ');
    const words = collapsed.trim();
    if (words !== '') this.#write(words);
    if (collapsed.length > 1 && collapsed.endsWith(' ')) this.break(' ');
  }

  /** Text in which white space is kept: code. */
  appendVerbatim(text: string): void {
    const kept = text.replaceAll('\0', '').replace(/^\n+/, '').trimEnd();
    if (kept !== '') this.#write(kept);
  }

  openBlock(): void {
    this.break(this.inBlock ? '\n' : '\n\n');
    if (this.#blockDepth === 0) this.#blockStart = this.nextStart;
    this.#blockDepth += 1;
  }

  closeBlock(): void {
    this.#blockDepth -= 1;
    this.#prefix = '';
    this.break('\n');
    if (this.#blockDepth > 0) return;
    const start = this.#blockStart ?? this.#length;
    if (this.#length > start) this.blocks.push({ start, end: this.#length });
    this.break('\n\n');
  }

  /** `write` appends the heading's words. Inside a block it stays a line of the block. */
  heading(level: number, write: () => void): void {
    this.break('\n\n');
    const start = this.nextStart;
    const partsBefore = this.#parts.length;
    write();
    const title = this.#parts.slice(partsBefore).join('').trim();
    if (title !== '' && !this.inBlock) this.headings.push({ level, title, start });
    this.break('\n\n');
  }

  text(): string {
    return this.#parts.join('');
  }

  #write(text: string): void {
    if (this.#length > 0 && this.#pending !== '') this.#push(this.#pending);
    this.#pending = '';
    if (this.#prefix !== '') this.#push(this.#prefix);
    this.#prefix = '';
    this.#push(text);
  }

  #push(part: string): void {
    this.#length += part.length;
    if (this.#length > this.#lengthMax) throw new TextTooLong();
    this.#parts.push(part);
  }
}
