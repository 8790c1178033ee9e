import { MEDIA_TYPES, type SupportedMediaType } from '../../domain/media-type.ts';
import { endsLikeZip } from './zip-archive.ts';

const ZIP = 'a ZIP archive';
const SIGNATURES: readonly { readonly name: string; readonly bytes: readonly number[] }[] = [
  { name: ZIP, bytes: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'an empty ZIP archive', bytes: [0x50, 0x4b, 0x05, 0x06] },
  { name: 'an old or encrypted Office file', bytes: [0xd0, 0xcf, 0x11, 0xe0] },
  { name: 'a PNG image', bytes: [0x89, 0x50, 0x4e, 0x47] },
  { name: 'a JPEG image', bytes: [0xff, 0xd8, 0xff] },
  { name: 'a GIF image', bytes: [0x47, 0x49, 0x46, 0x38] },
  { name: 'a gzip archive', bytes: [0x1f, 0x8b] },
  { name: 'a 7z archive', bytes: [0x37, 0x7a, 0xbc, 0xaf] },
  { name: 'a RAR archive', bytes: [0x52, 0x61, 0x72, 0x21] },
  { name: 'a program', bytes: [0x7f, 0x45, 0x4c, 0x46] },
  { name: 'a program', bytes: [0x4d, 0x5a] },
];
const PDF_SIGNATURE = '%PDF-';
/** Readers accept a PDF header anywhere in the first kilobyte. */
const PDF_HEADER_WINDOW_BYTES = 1024;
/** In front of a PDF: white space and a byte order mark are accidents, markup is another document. */
const MARKUP = /^[\s\ufeff\xef\xbb\xbf]*<[a-z!?]/i;
const ARCHIVES: ReadonlyMap<string, string> = new Map([
  [MEDIA_TYPES.docx, 'a Word document'],
  [MEDIA_TYPES.epub, 'an EPUB'],
  [MEDIA_TYPES.zip, 'a ZIP archive'],
]);

/** undefined: the bytes may be what their media type says. Else what contradicts it, to end a sentence with. */
export function contradiction(bytes: Uint8Array, mediaType: SupportedMediaType): string | undefined {
  const found = SIGNATURES.find(({ bytes: signature }) =>
    signature.every((byte, index) => bytes[index] === byte),
  )?.name;
  if (mediaType === MEDIA_TYPES.pdf) return contradictsPdf(bytes, found);
  const wanted = ARCHIVES.get(mediaType);
  if (wanted !== undefined) return contradictsArchive(bytes, wanted, found);
  // Two letters are too few to call a text a program.
  if (found !== undefined && !(found === 'a program' && bytes[0] === 0x4d)) return `it is ${found}, not text`;
  return head(bytes).startsWith(PDF_SIGNATURE) ? 'it is a PDF, not text' : undefined;
}

/** A file that is two things at once is made to be taken for one of them by whoever checks it. */
function contradictsPdf(bytes: Uint8Array, found: string | undefined): string | undefined {
  const start = head(bytes);
  if (!start.includes(PDF_SIGNATURE)) {
    return found === undefined ? 'it does not begin like a PDF' : `it is ${found}, not a PDF`;
  }
  if (found !== undefined) return `it is ${found} and a PDF at once`;
  if (MARKUP.test(start) && !start.startsWith(PDF_SIGNATURE)) return 'it is markup and a PDF at once';
  return endsLikeZip(bytes) ? 'it is a PDF and a ZIP archive at once' : undefined;
}

function contradictsArchive(
  bytes: Uint8Array,
  wanted: string,
  found: string | undefined,
): string | undefined {
  if (found === ZIP)
    return head(bytes).includes(PDF_SIGNATURE) ? `it is ${wanted} and a PDF at once` : undefined;
  return found === undefined ? `it does not begin like ${wanted}` : `it is ${found}, not ${wanted}`;
}

function head(bytes: Uint8Array): string {
  const length = Math.min(bytes.length, PDF_HEADER_WINDOW_BYTES);
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
}
