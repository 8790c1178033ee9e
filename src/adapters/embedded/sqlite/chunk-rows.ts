import { z } from 'zod';
import type { Chunk } from '../../../domain/document.ts';
import { trustedId } from '../../../domain/ids.ts';
import type { Row } from './statements.ts';

const contentSchema = z.object({
  text: z.string(),
  start: z.int(),
  end: z.int(),
  headingPath: z.array(z.string()),
  page: z.int().nullable(),
});
const scalar = z.union([z.string(), z.number(), z.boolean()]);
export const metadataSchema = z.record(z.string(), z.union([scalar, z.array(scalar)]));

/** Columns that make a chunk; for a query over `chunk` joined with `content` and `document`. */
export const CHUNK_COLUMNS = `chunk.chunk_id, document.document_id, chunk.version, chunk.ordinal, chunk.collection_id,
  chunk.metadata, chunk.content_hash, content.content`;

/** What is written of a chunk. JSON, also of its text: SQLite's text would end at a NUL and lose lone surrogates. */
export function encodeContent({ text, start, end, headingPath, page }: Chunk): string {
  return JSON.stringify({ text, start, end, headingPath, page });
}

export function toChunk(row: Row): Chunk {
  const { chunk_id, document_id, version, ordinal, collection_id, metadata, content_hash, content } = row;
  return {
    id: trustedId('chk', String(chunk_id)),
    documentId: trustedId('doc', String(document_id)),
    documentVersion: Number(version),
    collectionId: trustedId('col', String(collection_id)),
    ordinal: Number(ordinal),
    metadata: metadataSchema.parse(JSON.parse(String(metadata))),
    contentHash: String(content_hash),
    ...contentSchema.parse(JSON.parse(String(content))),
  };
}
