import { posix } from 'node:path';
import { DOMParser, parseHTML } from 'linkedom';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { decodeText } from './decode-text.ts';
import { writeDomText } from './dom-text.ts';
import type { LoadInput } from './load-input.ts';
import { openArchive, readEntry } from './open-archive.ts';
import { refusal } from './refusal.ts';
import { TextBuilder } from './text-builder.ts';
import type { ZipArchive } from './zip-archive.ts';

const CONTAINER = 'META-INF/container.xml';
const ENCRYPTION = 'META-INF/encryption.xml';

/** The chapters in the order in which they are read. */
export function loadEpub(input: LoadInput): LoadedText {
  const { fileName, limits } = input;
  const archive = openArchive(input);
  const reader = new EpubReader(archive, fileName);
  const { title, chapters } = reader.book();
  const out = new TextBuilder(limits.textLengthMax);
  for (const chapter of chapters) {
    out.break('\n\n');
    writeDomText(out, reader.chapterBody(chapter), { skipBoilerplate: true });
  }
  const { headings, blocks } = out;
  return { text: out.text(), title, pageStarts: [], headings, blocks };
}

class EpubReader {
  readonly #archive: ZipArchive;
  readonly #fileName: string | null;

  constructor(archive: ZipArchive, fileName: string | null) {
    this.#archive = archive;
    this.#fileName = fileName;
  }

  book(): { readonly title: string | null; readonly chapters: readonly string[] } {
    if (!this.#archive.has(CONTAINER)) throw this.#refusal('it is a ZIP archive, not an EPUB');
    const packagePath = this.#xml(CONTAINER).querySelector('rootfile')?.getAttribute('full-path');
    if (!packagePath) throw this.#refusal('the EPUB names no content');
    const book = this.#xml(packagePath);
    const items = new Map<string, string>();
    for (const item of book.querySelectorAll('item')) {
      const [id, href] = [item.getAttribute('id'), item.getAttribute('href')];
      if (id && href && /html/.test(item.getAttribute('media-type') ?? ''))
        items.set(id, entryName(packagePath, href));
    }
    const chapters = [...book.querySelectorAll('itemref')].flatMap(
      (reference) => items.get(reference.getAttribute('idref') ?? '') ?? [],
    );
    if (chapters.length === 0) throw this.#refusal('the EPUB has no chapters');
    this.#refuseEncrypted(chapters);
    const title = book.getElementsByTagName('dc:title')[0]?.textContent?.replace(/\s+/g, ' ').trim();
    return { title: title || null, chapters };
  }

  chapterBody(name: string): Node {
    return parseHTML(opened(this.#text(name))).document.body;
  }

  /** Fonts may be scrambled without anybody minding; chapters that are cannot be read. */
  #refuseEncrypted(chapters: readonly string[]): void {
    if (!this.#archive.has(ENCRYPTION)) return;
    for (const reference of this.#xml(ENCRYPTION).querySelectorAll('*')) {
      if (!/CipherReference$/i.test(reference.tagName)) continue;
      if (chapters.includes(decoded(reference.getAttribute('URI') ?? ''))) {
        throw this.#refusal('the EPUB is encrypted');
      }
    }
  }

  #xml(name: string): Document {
    return new DOMParser().parseFromString(this.#text(name), 'text/xml') as unknown as Document;
  }

  #text(name: string): string {
    const bytes = readEntry(this.#archive, name, this.#fileName);
    if (bytes === undefined) throw this.#refusal(`${name} is missing in the EPUB`);
    return decodeText(bytes, this.#fileName).replace(/^\ufeff/, '');
  }

  #refusal(reason: string) {
    return refusal(this.#fileName, reason);
  }
}

const VOID = /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/i;

/** XHTML as HTML: `<title/>` would swallow what follows it. */
function opened(xhtml: string): string {
  return xhtml.replace(/<([a-z][\w:-]*)(\s[^<>]*)?\/>/gi, (tag, name: string, attributes = '') =>
    VOID.test(name) ? tag : `<${name}${attributes}></${name}>`,
  );
}

/** References are relative to the file that makes them, and percent-encoded. */
function entryName(from: string, reference: string): string {
  return posix.normalize(posix.join(posix.dirname(from), decoded(reference.split('#', 1)[0] ?? '')));
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}
