import mammoth from 'mammoth';
import type { LoadedText } from '../../domain/ports/documents.ts';
import { contentOfFragment } from './html-loader.ts';
import type { LoadInput } from './load-input.ts';
import { refusal } from './refusal.ts';
import { checkedZipEntries, ZipTooLarge } from './zip-budget.ts';

const MAIN_PART = 'word/document.xml';
const STYLE_MAP = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh"];

export async function loadDocx({ bytes, fileName, limits }: LoadInput): Promise<LoadedText> {
  checkArchive(bytes, fileName, limits.unpackedBytesMax);
  const html = await toHtml(bytes, fileName);
  const content = contentOfFragment(html, limits.textLengthMax);
  return { ...content, title: content.headings[0]?.title ?? null, pageStarts: [] };
}

function checkArchive(bytes: Uint8Array, fileName: string | null, unpackedBytesMax: number): void {
  let names: ReadonlySet<string>;
  try {
    names = checkedZipEntries(bytes, unpackedBytesMax);
  } catch (error) {
    const reason =
      error instanceof ZipTooLarge ? 'it unpacks to more than is allowed' : 'its archive is broken';
    throw refusal(fileName, reason, error);
  }
  if (!names.has(MAIN_PART)) throw refusal(fileName, 'it is a ZIP archive, not a Word document');
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
