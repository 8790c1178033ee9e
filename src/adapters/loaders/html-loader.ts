import { Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { decodeText } from './decode-text.ts';
import { writeDomText } from './dom-text.ts';
import type { LoadInput } from './load-input.ts';
import { TextBuilder } from './text-builder.ts';

/** Readability weighs every element several times; a larger page is read as a whole. UTF-16 units. */
const READABILITY_LENGTH_MAX = 2_000_000;
/** Readability chose well if it kept at least this share of the page's text. */
const KEPT_SHARE_MIN = 0.25;
const META_CHARSET = /<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{1,40})/i;
const CHARSET_WINDOW_BYTES = 1024;

export function loadHtml({ bytes, fileName, limits }: LoadInput): LoadedText {
  const html = decodeText(bytes, fileName, declaredCharset(bytes));
  const document = parsePage(html);
  const title = document.querySelector('title')?.textContent?.replace(/\s+/g, ' ').trim() ?? '';
  const content = contentOf(document, html.length, limits.textLengthMax);
  return { ...content, title: title || (content.headings[0]?.title ?? null), pageStarts: [] };
}

type Content = Pick<LoadedText, 'text' | 'headings' | 'blocks'>;

/** Text of HTML that is all document: what a converter made. */
export function contentOfFragment(html: string, textLengthMax: number): Content {
  return contentOfNode(parsePage(html).body, textLengthMax);
}

/**
 * The page's own main element; else what Readability takes for the article; else everything but navigation. Readability
 * is not followed where it dropped most of the text, a table or code.
 */
function contentOf(document: Document, htmlLength: number, textLengthMax: number): Content {
  const mains = document.querySelectorAll('main, [role=main]');
  const own =
    mains.length === 1
      ? mains[0]
      : document.querySelectorAll('article').length === 1
        ? document.querySelector('article')
        : null;
  const ownContent = own ? contentOfNode(own, textLengthMax) : undefined;
  if (ownContent !== undefined && ownContent.text !== '') return ownContent;
  const whole = contentOfNode(document.body, textLengthMax);
  if (htmlLength > READABILITY_LENGTH_MAX) return whole;
  const html = new Readability(document).parse()?.content;
  if (!html) return whole;
  const article = contentOfFragment(html, textLengthMax);
  const keptEnough = article.text.length >= whole.text.length * KEPT_SHARE_MIN;
  return keptEnough && article.blocks.length >= whole.blocks.length ? article : whole;
}

function contentOfNode(node: Node, textLengthMax: number): Content {
  const out = new TextBuilder(textLengthMax);
  writeDomText(out, node, { skipBoilerplate: true });
  return { text: out.text(), headings: out.headings, blocks: out.blocks };
}

/** A fragment without html and body elements gets them: linkedom would make its first element the root. */
function parsePage(html: string): Document {
  const isPage = /<html[\s>]/i.test(html.slice(0, 10_000)) && /<body[\s>]/i.test(html);
  return parseHTML(isPage ? html : `<!doctype html><html><head></head><body>${html}</body></html>`).document;
}

function declaredCharset(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, CHARSET_WINDOW_BYTES));
  const label = META_CHARSET.exec(head.toString('latin1'))?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return 'utf-8';
  }
}
