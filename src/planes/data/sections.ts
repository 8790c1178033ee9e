import type { LoadedText } from '../../domain/ports/documents.ts';

/** A heading with the text below it, up to the next heading. The heading line belongs to its section. */
export interface Section {
  readonly start: number;
  readonly end: number;
  /** Titles from the outermost heading to this section's own; empty before the first heading. */
  readonly headingPath: readonly string[];
}

/** First line, then nothing but white space or the underline of a setext heading. */
const HEADING_ONLY = /^[^\n]*(?:\n[=\-\s]*)?$/;
/** A longer section has text, whatever its lines look like. UTF-16 units. */
const HEADING_ONLY_LENGTH_MAX = 400;

/** Covers the text from its first to its last character. A heading without text of its own joins its first subsection. */
export function sectionsOf({ text, headings }: Pick<LoadedText, 'text' | 'headings'>): Section[] {
  const sections: Section[] = [];
  const path: { readonly level: number; readonly title: string }[] = [];
  const firstStart = headings[0]?.start ?? text.length;
  if (firstStart > 0) sections.push({ start: 0, end: firstStart, headingPath: [] });
  let joined: number | undefined;
  for (const [index, heading] of headings.entries()) {
    const next = headings[index + 1];
    const end = next?.start ?? text.length;
    while ((path.at(-1)?.level ?? 0) >= heading.level) path.pop();
    path.push(heading);
    const start = joined ?? heading.start;
    joined =
      next !== undefined && next.level > heading.level && isBare(text, heading.start, end)
        ? start
        : undefined;
    if (joined === undefined) sections.push({ start, end, headingPath: titles(path) });
  }
  return sections;
}

/** A section once for every page that it lies on, so that a citation names the page of its words. */
export function cutAtPages(sections: readonly Section[], pageStarts: readonly number[]): Section[] {
  const parts: Section[] = [];
  let page = 0;
  for (const { start, end, headingPath } of sections) {
    let from = start;
    for (let cut = pageStarts[page]; cut !== undefined && cut < end; cut = pageStarts[page]) {
      if (cut > from) parts.push({ start: from, end: cut, headingPath });
      from = Math.max(from, cut);
      page += 1;
    }
    parts.push({ start: from, end, headingPath });
  }
  return parts;
}

function titles(path: readonly { readonly title: string }[]): string[] {
  return path.map(({ title }) => title).filter((title) => title !== '');
}

function isBare(text: string, start: number, end: number): boolean {
  return end - start <= HEADING_ONLY_LENGTH_MAX && HEADING_ONLY.test(text.slice(start, end));
}
