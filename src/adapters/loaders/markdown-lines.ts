/** The kinds of Markdown lines, as far as headings and blocks need them. Each test is linear in the line. */
export interface Line {
  readonly start: number;
  /** Without the line end. */
  readonly text: string;
  /** Where the next line begins. */
  readonly next: number;
}

const ATX_HEADING = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const SETEXT_UNDERLINE = /^ {0,3}(?:=+|-+)[ \t]*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/;
const INDENTED = /^(?: {2}|\t)/;
const TABLE_DELIMITER = /^[ \t|:-]+$/;

export function* linesOf(text: string): Generator<Line> {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const contentEnd = text[end - 1] === '\r' && end > start ? end - 1 : end;
    yield { start, text: text.slice(start, contentEnd), next: newline < 0 ? end : newline + 1 };
    start = newline < 0 ? end : newline + 1;
  }
}

export function atxHeading(line: string): { level: number; title: string } | undefined {
  const marks = ATX_HEADING.exec(line)?.[1];
  if (marks === undefined) return undefined;
  const content = line.trim().slice(marks.length).trim();
  return { level: marks.length, title: plainTitle(withoutClosingMarks(content)) };
}

/** Level of the heading that this underline makes of the line above it. */
export function setextLevel(line: string): number | undefined {
  if (!SETEXT_UNDERLINE.test(line)) return undefined;
  return line.includes('=') ? 1 : 2;
}

/** The marks that open a fence; a line of at least as many of them, and nothing else, closes it. */
export function fenceMarks(line: string): string | undefined {
  return FENCE.exec(line)?.[1];
}

export function closesFence(line: string, marks: string): boolean {
  const trimmed = line.trim();
  return trimmed.length >= marks.length && trimmed === marks.charAt(0).repeat(trimmed.length);
}

export const isListItem = (line: string): boolean => LIST_ITEM.test(line);
export const isIndented = (line: string): boolean => INDENTED.test(line);
export const isBlankLine = (line: string): boolean => line.trim() === '';
export const isTableDelimiter = (line: string): boolean =>
  line.includes('|') && line.includes('-') && TABLE_DELIMITER.test(line);

/** A heading's words without inline markup. */
export function plainTitle(title: string): string {
  return title
    .replace(/!?\[([^[\]]{0,300})\]\([^()]{0,500}\)/g, '$1')
    .replace(/[`*]/g, '')
    .replace(/ ?\{#[\w-]{1,100}\}$/, '')
    .trim();
}

function withoutClosingMarks(content: string): string {
  let end = content.length;
  while (content[end - 1] === '#') end -= 1;
  if (end === content.length) return content;
  if (end === 0) return '';
  return content[end - 1] === ' ' || content[end - 1] === '\t' ? content.slice(0, end).trim() : content;
}
