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
    throw refusal(fileName, `it is not valid ${encoding.toUpperCase()} text`, error);
  }
  if (text.includes('\0')) throw refusal(fileName, 'it contains NUL characters, so it is not text');
  return text;
}
