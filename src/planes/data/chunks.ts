import { createHash } from 'node:crypto';
import { type Chunk, type Document, indexedText } from '../../domain/document.ts';
import { type ChunkId, type DocumentId, makeId } from '../../domain/ids.ts';
import type { Piece } from './splitter.ts';

const TIME_BYTES = 6;
const TAIL_BYTES = 10;

/** The same place in the same version has the same id: indexing it again replaces it. */
export function chunkId(documentId: DocumentId, version: number, ordinal: number): ChunkId {
  const digest = createHash('sha256').update(`${documentId}/${version}/${ordinal}`).digest();
  const tail = digest.subarray(TIME_BYTES, TIME_BYTES + TAIL_BYTES);
  return makeId('chk', digest.readUIntBE(0, TIME_BYTES), tail);
}

export function toChunk(document: Document, version: number, text: string, piece: Piece): Chunk {
  const { start, end, headingPath, page, ordinal } = piece;
  const chunkText = text.slice(start, end);
  return {
    id: chunkId(document.id, version, ordinal),
    documentId: document.id,
    documentVersion: version,
    collectionId: document.collectionId,
    metadata: document.metadata,
    contentHash: createHash('sha256').update(indexedText(headingPath, chunkText)).digest('hex'),
    ...{ ordinal, text: chunkText, start, end, headingPath, page },
  };
}
