const TITLE_LENGTH_MAX = 200;
const FIRST_LINE_LENGTH_MAX = 80;

/** A title as it is stored: one line, not too long. */
export function shortTitle(title: string): string {
  return cut(title.replace(/\s+/g, ' ').trim(), TITLE_LENGTH_MAX);
}

/** For a text that came without title and file name: its first words, without the marks of a Markdown heading. */
export function firstWords(text: string): string {
  const start = text.slice(0, 10_000).trimStart();
  const line = (start.split('\n', 1)[0] ?? '').replace(/^(?:\ufeff|#{1,6} |[-*>] )+/, '');
  return cut(line.replace(/\s+/g, ' ').trim(), FIRST_LINE_LENGTH_MAX) || 'Untitled';
}

/** Whole code points; three dots say that something is missing. */
function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const kept = text.slice(0, lengthMax - 1);
  return `${kept.isWellFormed() ? kept : kept.slice(0, -1)}…`;
}
