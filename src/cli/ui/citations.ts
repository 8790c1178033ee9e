import { wrap } from './stream-wrapper.ts';
import type { Style } from './style.ts';
import { oneLine } from './text.ts';

/** What a reader needs to look a citation up. */
export interface CitationView {
  readonly index: number;
  readonly documentTitle: string;
  /** Outermost first. */
  readonly headingPath: readonly string[];
  readonly page: number | null;
  readonly quote: string;
}

const QUOTE_COLUMNS_MAX = 400;
const PLACE_COLUMNS_MAX = 200;
const INDENT = '    ';

/** A numbered list of sources: document, headings, page, and the quoted words. */
export function renderCitations(citations: readonly CitationView[], columns: number, style: Style): string {
  return citations.map((citation) => renderCitation(citation, columns, style)).join('');
}

function renderCitation(citation: CitationView, columns: number, style: Style): string {
  const { index, documentTitle, headingPath, page, quote } = citation;
  const path = [
    style.bold(oneLine(documentTitle, PLACE_COLUMNS_MAX)),
    ...headingsBelow(documentTitle, headingPath),
  ];
  const place = path.join(style.dim(' › ')) + (page === null ? '' : style.dim(`, page ${page}`));
  const quoted = wrap(`“${oneLine(quote, QUOTE_COLUMNS_MAX)}”`, columns - INDENT.length);
  const lines = quoted.split('\n').map((line) => `${INDENT}${line}\n`);
  return `${style.cyan(`[${index}]`)} ${place}\n${lines.join('')}`;
}

/** A document is often titled by its first heading; saying it twice helps nobody. */
function headingsBelow(title: string, headingPath: readonly string[]): string[] {
  const below = headingPath[0] === title ? headingPath.slice(1) : headingPath;
  return below.map((heading) => oneLine(heading, PLACE_COLUMNS_MAX));
}
