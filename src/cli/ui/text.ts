const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Emoji, and the blocks that Unicode calls East Asian Wide. */
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** What a reader takes for one character each. */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Columns that one grapheme takes in a terminal. */
export function graphemeWidth(grapheme: string): 0 | 1 | 2 {
  if (INVISIBLE.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/**
 * Text of a document or a model without control characters other than line feed and tab. A terminal obeys escape
 * sequences: left in, a document could retitle the window, write the clipboard, or hide text.
 */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/(?![\n\t])\p{Cc}/gu, '');
}

/** One line of at most so many columns. */
export function oneLine(text: string, columnsMax: number): string {
  const line = printable(text).replace(/\s+/g, ' ').trim();
  let columns = 0;
  let kept = '';
  let fitting = '';
  for (const grapheme of graphemes(line)) {
    columns += graphemeWidth(grapheme);
    if (columns > columnsMax) return `${fitting}…`;
    kept += grapheme;
    if (columns < columnsMax) fitting = kept;
  }
  return kept;
}
