import mammoth from 'mammoth';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { contentOfFragment } from './html-loader.ts';
import type { LoadInput } from './load-input.ts';
import { openArchive, readEntry } from './open-archive.ts';
import { refusal } from './refusal.ts';

const MAIN_PART = 'word/document.xml';
const STYLE_MAP = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh"];

export async function loadDocx(input: LoadInput): Promise<LoadedText> {
  const { bytes, fileName, limits } = input;
  checkArchive(input);
  const html = await toHtml(bytes, fileName);
  const content = contentOfFragment(html, limits.textLengthMax);
  return { ...content, title: content.headings[0]?.title ?? null, pageStarts: [] };
}

/** Unpacks every entry once within the budget: the reader behind this has no bound of its own. */
function checkArchive(input: LoadInput): void {
  const archive = openArchive(input);
  for (const { name } of archive.entries) readEntry(archive, name, input.fileName);
  if (!archive.has(MAIN_PART)) throw refusal(input.fileName, 'it is a ZIP archive, not a Word document');
}

async function toHtml(bytes: Uint8Array, fileName: string | null): Promise<string> {
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
      {
        styleMap: STYLE_MAP,
        includeEmbeddedStyleMap: false,
        externalFileAccess: false,
        // Pictures are not text; inlined they would be most of it.
        convertImage: mammoth.images.imgElement(async () => ({ src: '' })),
      },
    );
    return value;
  } catch (error) {
    throw refusal(fileName, 'the Word document is broken', error);
  }
}
