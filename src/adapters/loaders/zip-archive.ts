import { inflateRawSync } from 'node:zlib';

/** An archive that unpacks to more than its budget: made to break readers. */
export class ZipTooLarge extends Error {}
export class ZipBroken extends Error {}
/** One of its entries needs a password. */
export class ZipEncrypted extends Error {}

export interface ZipEntry {
  /** As written in the archive, `/` between folders. A folder's own entry ends with `/`. */
  readonly name: string;
}
interface PlacedEntry extends ZipEntry {
  /** Where its record in the directory begins. */
  readonly at: number;
}

const END_SIGNATURE = 0x06054b50;
const END_LENGTH_BYTES = 22;
const COMMENT_LENGTH_MAX_BYTES = 0xffff;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_LENGTH_BYTES = 46;
const LOCAL_LENGTH_BYTES = 30;
const ENTRIES_MAX = 10_000;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
const UTF8_NAME = 1 << 11;

/**
 * Reads an archive in memory. Whatever it says about its sizes, no more than the budget is ever unpacked from it, all
 * entries together. No ZIP64.
 */
export class ZipArchive {
  readonly entries: readonly ZipEntry[];
  readonly #zip: Buffer;
  readonly #placed = new Map<string, PlacedEntry>();
  #budget: number;

  /** Throws ZipBroken or ZipTooLarge. */
  constructor(bytes: Uint8Array, unpackedBytesMax: number) {
    this.#zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = unpackedBytesMax;
    for (const entry of readDirectory(this.#zip)) this.#placed.set(entry.name, entry);
    this.entries = [...this.#placed.values()];
  }

  has(name: string): boolean {
    return this.#placed.has(name);
  }

  /** undefined: no such entry. Counts against the budget each time. Throws ZipBroken, ZipTooLarge or ZipEncrypted. */
  read(name: string): Uint8Array | undefined {
    const entry = this.#placed.get(name);
    if (entry === undefined) return undefined;
    const bytes = unpack(this.#zip, entry.at, this.#budget);
    this.#budget -= bytes.length;
    return bytes;
  }
}

/** A ZIP archive may stand behind other bytes: true if these end like one. */
export function endsLikeZip(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return findEnd(buffer) !== undefined;
}

function readDirectory(zip: Buffer): PlacedEntry[] {
  const end = findEnd(zip);
  if (end === undefined) throw new ZipBroken();
  const entryCount = zip.readUInt16LE(end + 10);
  if (entryCount > ENTRIES_MAX) throw new ZipTooLarge();
  const entries: PlacedEntry[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let index = 0; index < entryCount; index += 1) {
    if (at + ENTRY_LENGTH_BYTES > zip.length || zip.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw new ZipBroken();
    const nameLength = zip.readUInt16LE(at + 28);
    const nameBytes = zip.subarray(at + ENTRY_LENGTH_BYTES, at + ENTRY_LENGTH_BYTES + nameLength);
    entries.push({ name: nameOf(nameBytes, zip.readUInt16LE(at + 8)), at });
    at += ENTRY_LENGTH_BYTES + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

/** Many writers do not set the flag and write UTF-8 all the same. */
function nameOf(bytes: Buffer, flags: number): string {
  const text = bytes.toString('utf8');
  return (flags & UTF8_NAME) === 0 && text.includes('\ufffd') ? bytes.toString('latin1') : text;
}

/** Where the end record begins whose comment reaches exactly to the end of the file. */
function findEnd(zip: Buffer): number | undefined {
  const lowest = Math.max(0, zip.length - END_LENGTH_BYTES - COMMENT_LENGTH_MAX_BYTES);
  for (let at = zip.length - END_LENGTH_BYTES; at >= lowest; at -= 1) {
    if (zip.readUInt32LE(at) !== END_SIGNATURE) continue;
    if (at + END_LENGTH_BYTES + zip.readUInt16LE(at + 20) === zip.length) return at;
  }
  return undefined;
}

function unpack(zip: Buffer, entry: number, budget: number): Uint8Array {
  const method = zip.readUInt16LE(entry + 10);
  const packedLength = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  if ((zip.readUInt16LE(entry + 8) & ENCRYPTED) !== 0) throw new ZipEncrypted();
  if (local + LOCAL_LENGTH_BYTES > zip.length) throw new ZipBroken();
  const start = local + LOCAL_LENGTH_BYTES + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  if (start + packedLength > zip.length) throw new ZipBroken();
  const packed = zip.subarray(start, start + packedLength);
  if (method === STORED) return fitting(packed, budget);
  if (method !== DEFLATED) throw new ZipBroken();
  try {
    return fitting(inflateRawSync(packed, { maxOutputLength: Math.max(1, budget) }), budget);
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw tooLarge || error instanceof ZipTooLarge ? new ZipTooLarge() : new ZipBroken();
  }
}

function fitting(bytes: Uint8Array, budget: number): Uint8Array {
  if (bytes.length > budget) throw new ZipTooLarge();
  return bytes;
}
