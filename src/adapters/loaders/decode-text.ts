import { refusal } from './refusal.ts';

/**
 * The text of the bytes, unchanged: a byte order mark and CRLF stay, so that offsets count what was submitted.
 * Refuses NUL characters and bytes that are not valid in the encoding.
 */
export function decodeText(bytes: Uint8Array, fileName: string | null, encoding = 'utf-8'): string {
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const found = otherEncoding(bytes);
    if (found !== undefined) throw refusal(fileName, `it is ${found} text; save it as UTF-8`, error);
    throw refusal(fileName, `it is not valid ${encoding.toUpperCase()} text`, error);
  }
  if (!text.includes('\0')) return text;
  const found = otherEncoding(bytes);
  if (found !== undefined) throw refusal(fileName, `it is ${found} text; save it as UTF-8`);
  throw refusal(fileName, 'it contains NUL characters, so it is not text');
}

const SAMPLE_BYTES = 4096;
/** Of a sample's characters, those of the first 256: in text that western software wrote, most. */
const LATIN_SHARE_MIN = 0.4;
const OTHERS_SHARE_MAX = 0.3;

/** The encoding that bytes which are not UTF-8 show: by their mark, or by the zeros between the letters. */
function otherEncoding(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'UTF-16';
  if (first === 0xfe && second === 0xff) return 'UTF-16';
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const zeros = [0, 0];
  for (const [index, byte] of sample.entries())
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const wanted = (sample.length / 2) * LATIN_SHARE_MIN;
  const isWide = (even === 0 && odd >= wanted) || (odd === 0 && even >= wanted);
  if (isWide && sample.length >= 4) return 'UTF-16';
  if (even + odd > 0) return undefined;
  return looksLatin(sample) ? 'Latin-1 or Windows-1252' : undefined;
}

/** Mostly ASCII, and the rest no control codes. */
function looksLatin(sample: Uint8Array): boolean {
  const others = sample.filter((byte) => byte >= 0x80);
  const controls = sample.filter((byte) => byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13);
  return controls.length === 0 && others.length <= sample.length * OTHERS_SHARE_MAX;
}
