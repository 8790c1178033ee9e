import type { LoadedText } from '../../domain/ports/documents.ts';
import { decodeText } from './decode-text.ts';
import type { LoadInput } from './load-input.ts';
import { markdownStructure } from './markdown-structure.ts';

/** The stored text is the submitted string, unchanged. */
export function loadPlainText({ bytes, fileName }: LoadInput): LoadedText {
  const text = decodeText(bytes, fileName);
  return { text, title: null, pageStarts: [], headings: [], blocks: [] };
}

/** The same, with the structure that its Markdown shows; titled by its first top-level heading. */
export function loadMarkdown({ bytes, fileName }: LoadInput): LoadedText {
  const text = decodeText(bytes, fileName);
  const { headings, blocks } = markdownStructure(text);
  const title = headings.find(({ level, title: words }) => level === 1 && words !== '')?.title ?? null;
  return { text, title, pageStarts: [], headings, blocks };
}
