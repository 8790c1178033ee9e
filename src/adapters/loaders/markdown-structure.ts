import type { LoadedText } from '../../domain/ports/documents.ts';
import {
  atxHeading,
  closesFence,
  fenceMarks,
  isBlankLine,
  isIndented,
  isListItem,
  isTableDelimiter,
  type Line,
  linesOf,
  plainTitle,
  setextLevel,
} from './markdown-lines.ts';

type Structure = Pick<LoadedText, 'headings' | 'blocks'>;

/** Headings, fences, tables, lists and front matter of a Markdown text, by line. Offsets into the text as it is. */
export function markdownStructure(text: string): Structure {
  const lines = [...linesOf(text)];
  const headings: LoadedText['headings'][number][] = [];
  const blocks: LoadedText['blocks'][number][] = [];
  let index = 0;
  while (index < lines.length) {
    const blockEnd = endOfBlock(lines, index);
    if (blockEnd > index) {
      blocks.push(spanOf(lines, index, blockEnd));
      index = blockEnd;
      continue;
    }
    const heading = headingAt(lines, index);
    if (heading !== undefined) headings.push(heading);
    index += 1;
  }
  return { headings, blocks };
}

function headingAt(lines: readonly Line[], index: number): LoadedText['headings'][number] | undefined {
  const line = lines[index];
  if (line === undefined) return undefined;
  const atx = atxHeading(line.text);
  if (atx !== undefined) return { ...atx, start: line.start };
  if (isBlankLine(line.text) || isIndented(line.text) || line.text.startsWith('>')) return undefined;
  const level = setextLevel(lines[index + 1]?.text ?? '');
  const isParagraphLine = setextLevel(line.text) === undefined;
  return level !== undefined && isParagraphLine
    ? { level, title: plainTitle(line.text), start: line.start }
    : undefined;
}

/** Index of the first line behind the block that begins here; the same index if none does. */
function endOfBlock(lines: readonly Line[], index: number): number {
  const text = lines[index]?.text ?? '';
  if (index === 0 && text.trim() === '---') return endOfFrontMatter(lines);
  const marks = fenceMarks(text);
  if (marks !== undefined) return endOfFence(lines, index, marks);
  if (text.includes('|') && isTableDelimiter(lines[index + 1]?.text ?? '')) return endOfTable(lines, index);
  // A line of dashes is a list item without text to the pattern, and a rule to everybody else.
  return isListItem(text) && setextLevel(text) === undefined ? endOfList(lines, index) : index;
}

const FRONT_MATTER_LINES_MAX = 200;
function endOfFrontMatter(lines: readonly Line[]): number {
  for (let index = 1; index < Math.min(lines.length, FRONT_MATTER_LINES_MAX); index += 1) {
    if (lines[index]?.text.trim() === '---') return index + 1;
  }
  return 0;
}

/** A fence that is never closed reaches to the end of the text. */
function endOfFence(lines: readonly Line[], start: number, marks: string): number {
  let index = start + 1;
  while (index < lines.length && !closesFence(lines[index]?.text ?? '', marks)) index += 1;
  return Math.min(index + 1, lines.length);
}

function endOfTable(lines: readonly Line[], start: number): number {
  let index = start + 2;
  while (lines[index]?.text.includes('|')) index += 1;
  return index;
}

/** Items, what is indented below them, and blank lines between them. */
function endOfList(lines: readonly Line[], start: number): number {
  let end = start + 1;
  for (let index = end; index < lines.length; index += 1) {
    const text = lines[index]?.text ?? '';
    if (isBlankLine(text)) continue;
    const afterBlank = index > end;
    const belongs = isListItem(text) || isIndented(text) || (!afterBlank && isLazyContinuation(text));
    if (!belongs) break;
    end = index + 1;
  }
  return end;
}

function isLazyContinuation(text: string): boolean {
  return atxHeading(text) === undefined && fenceMarks(text) === undefined && !text.startsWith('>');
}

function spanOf(lines: readonly Line[], from: number, to: number): { start: number; end: number } {
  const last = lines[to - 1];
  return { start: lines[from]?.start ?? 0, end: last === undefined ? 0 : last.start + last.text.length };
}
