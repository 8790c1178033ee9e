import { z } from 'zod';

const offset = z.int().nonnegative();

/** A loaded text without its text, as it is kept beside it. */
export const loadedStructure = z.object({
  title: z.string().nullable(),
  pageStarts: z.array(offset),
  headings: z.array(z.object({ level: z.int(), title: z.string(), start: offset })),
  blocks: z.array(z.object({ start: offset, end: offset })),
});

/** A byte order mark counts: offsets count what was submitted. */
export function textOfBlob(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
