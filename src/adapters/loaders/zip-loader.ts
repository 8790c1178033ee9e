import { DomainError } from '../../domain/errors.ts';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { readableFiles } from './archive-files.ts';
import type { LoadInput } from './load-input.ts';
import { openArchive, readEntry } from './open-archive.ts';
import { refusal } from './refusal.ts';
import { TextTooLong } from './text-builder.ts';

type LoadPart = (input: LoadInput) => Promise<LoadedText>;
const PART_BREAK = '\n\n';
const HEADING_LEVEL_MAX = 6;

/**
 * One document with a part for each file that can be read, under the file's path as its heading. One file that is broken
 * refuses the archive, because a part that is silently missing would be answered "not in the documents".
 */
export async function loadZip(input: LoadInput, loadPart: LoadPart): Promise<LoadedText> {
  const { fileName, limits } = input;
  const archive = openArchive(input);
  const files = readableFiles(archive);
  if (files.length === 0) throw refusal(fileName, 'none of the files in it can be read');
  const whole = new Parts();
  for (const { name, mediaType } of files) {
    const bytes = readEntry(archive, name, fileName);
    if (bytes === undefined) continue;
    const part = await loadPart({ bytes, mediaType, fileName: name, limits }).catch((error: unknown) => {
      if (!(error instanceof DomainError)) throw error;
      throw refusal(fileName, `a file in it is not readable. ${error.message.replace(/\.$/, '')}`, error);
    });
    whole.add(name, part);
    if (whole.length > limits.textLengthMax) throw new TextTooLong();
  }
  return whole.loaded();
}

class Parts {
  readonly #texts: string[] = [];
  readonly #headings: LoadedText['headings'][number][] = [];
  readonly #blocks: LoadedText['blocks'][number][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(name: string, { text, headings, blocks }: LoadedText): void {
    if (this.#length > 0) this.#append(PART_BREAK);
    this.#headings.push({ level: 1, title: name, start: this.#length });
    this.#append(`${name}${PART_BREAK}`);
    const shift = this.#length;
    for (const { level, title, start } of headings) {
      this.#headings.push({ level: Math.min(level + 1, HEADING_LEVEL_MAX), title, start: start + shift });
    }
    for (const { start, end } of blocks) this.#blocks.push({ start: start + shift, end: end + shift });
    this.#append(text);
  }

  loaded(): LoadedText {
    return {
      text: this.#texts.join(''),
      title: null,
      pageStarts: [],
      headings: this.#headings,
      blocks: this.#blocks,
    };
  }

  #append(text: string): void {
    this.#texts.push(text);
    this.#length += text.length;
  }
}
