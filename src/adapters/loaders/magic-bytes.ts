import { MEDIA_TYPES, type SupportedMediaType } from '../../domain/media-type.ts';

const SIGNATURES: readonly { readonly name: string; readonly bytes: readonly number[] }[] = [
  { name: 'a ZIP archive', bytes: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'an old or encrypted Office file', bytes: [0xd0, 0xcf, 0x11, 0xe0] },
  { name: 'a PNG image', bytes: [0x89, 0x50, 0x4e, 0x47] },
  { name: 'a JPEG image', bytes: [0xff, 0xd8, 0xff] },
  { name: 'a gzip archive', bytes: [0x1f, 0x8b] },
];
const PDF_SIGNATURE = '%PDF-';
/** Readers accept a PDF header anywhere in the first kilobyte. */
const PDF_HEADER_WINDOW_BYTES = 1024;

/** undefined: the bytes may be what their media type says. Else what contradicts it, to end a sentence with. */
export function contradiction(bytes: Uint8Array, mediaType: SupportedMediaType): string | undefined {
  if (mediaType === MEDIA_TYPES.pdf) return hasPdfHeader(bytes) ? undefined : 'it does not begin like a PDF';
  const found = SIGNATURES.find(({ bytes: signature }) =>
    signature.every((byte, index) => bytes[index] === byte),
  );
  if (mediaType === MEDIA_TYPES.docx) {
    if (found?.name === 'a ZIP archive') return undefined;
    return found === undefined
      ? 'it does not begin like a Word document'
      : `it is ${found.name}, not a Word document`;
  }
  if (found !== undefined) return `it is ${found.name}, not text`;
  return startsWithAscii(bytes, PDF_SIGNATURE) ? 'it is a PDF, not text' : undefined;
}

function hasPdfHeader(bytes: Uint8Array): boolean {
  return Buffer.from(
    bytes.buffer,
    bytes.byteOffset,
    Math.min(bytes.length, PDF_HEADER_WINDOW_BYTES),
  ).includes(PDF_SIGNATURE, 0, 'latin1');
}

function startsWithAscii(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, index) => bytes[index] === character.charCodeAt(0));
}
