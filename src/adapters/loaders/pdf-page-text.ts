/** What pdf.js reports of a run of glyphs. */
export interface PdfTextItem {
  readonly str: string;
  readonly hasEOL: boolean;
  readonly height: number;
  /** Affine; [4] and [5] are x and y, y growing upwards. */
  readonly transform: readonly number[];
}

/** A gap between base lines of more than this many heights divides paragraphs. */
const PARAGRAPH_GAP_HEIGHTS = 1.8;

/** The lines of a page; a blank line where the gap between two is wide. */
export function pdfPageText(items: readonly PdfTextItem[]): string {
  let text = '';
  let lineY: number | undefined;
  let lineEnded = false;
  for (const item of items) {
    if (lineEnded && item.str.trim() !== '') {
      text += isWideGap(lineY, item) ? '\n\n' : '\n';
      lineEnded = false;
    }
    if (item.str.trim() !== '') lineY = item.transform[5];
    if (!lineEnded) text += item.str;
    if (item.hasEOL && text !== '') lineEnded = true;
  }
  const lines = text.replaceAll('\0', '').split('\n');
  return lines.map((line) => line.trimEnd()).join('\n');
}

function isWideGap(lineY: number | undefined, item: PdfTextItem): boolean {
  const y = item.transform[5];
  if (lineY === undefined || y === undefined || item.height === 0) return false;
  return Math.abs(lineY - y) > item.height * PARAGRAPH_GAP_HEIGHTS;
}
