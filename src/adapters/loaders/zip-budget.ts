import { inflateRawSync } from 'node:zlib';

/** An archive that unpacks to more than its budget: made to break readers. */
export class ZipTooLarge extends Error {}
export class ZipBroken extends Error {}

const END_SIGNATURE = 0x06054b50;
const END_LENGTH_BYTES = 22;
const COMMENT_LENGTH_MAX_BYTES = 0xffff;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_LENGTH_BYTES = 46;
const LOCAL_LENGTH_BYTES = 30;
const ENTRIES_MAX = 10_000;
const STORED = 0;
const DEFLATED = 8;

/**
 * Names of an archive's entries, after unpacking each of them once within the budget: the sizes that an archive states
 * about itself prove nothing, and the reader behind this one has no bound of its own. No ZIP64, no encryption.
 */
export function checkedZipEntries(bytes: Uint8Array, unpackedBytesMax: number): ReadonlySet<string> {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names = new Set<string>();
  let budget = unpackedBytesMax;
  const { entryCount, directoryStart } = readEnd(zip);
  let at = directoryStart;
  for (let index = 0; index < entryCount; index += 1) {
    if (at + ENTRY_LENGTH_BYTES > zip.length || zip.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw new ZipBroken();
    const nameLength = zip.readUInt16LE(at + 28);
    names.add(zip.toString('utf8', at + ENTRY_LENGTH_BYTES, at + ENTRY_LENGTH_BYTES + nameLength));
    budget -= unpackedLength(zip, at, budget);
    at += ENTRY_LENGTH_BYTES + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return names;
}

function readEnd(zip: Buffer): { entryCount: number; directoryStart: number } {
  const lowest = Math.max(0, zip.length - END_LENGTH_BYTES - COMMENT_LENGTH_MAX_BYTES);
  for (let at = zip.length - END_LENGTH_BYTES; at >= lowest; at -= 1) {
    if (zip.readUInt32LE(at) !== END_SIGNATURE) continue;
    const entryCount = zip.readUInt16LE(at + 10);
    if (entryCount > ENTRIES_MAX) throw new ZipTooLarge();
    return { entryCount, directoryStart: zip.readUInt32LE(at + 16) };
  }
  throw new ZipBroken();
}

function unpackedLength(zip: Buffer, entry: number, budget: number): number {
  const method = zip.readUInt16LE(entry + 10);
  const packedLength = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  const isEncrypted = (zip.readUInt16LE(entry + 8) & 1) === 1;
  if (isEncrypted || local + LOCAL_LENGTH_BYTES > zip.length) throw new ZipBroken();
  const start = local + LOCAL_LENGTH_BYTES + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + packedLength);
  if (method === STORED) return fitting(packed.length, budget);
  if (method !== DEFLATED) throw new ZipBroken();
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, budget) }).length;
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw tooLarge ? new ZipTooLarge() : new ZipBroken();
  }
}

function fitting(length: number, budget: number): number {
  if (length > budget) throw new ZipTooLarge();
  return length;
}
