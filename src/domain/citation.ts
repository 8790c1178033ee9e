import type { ChunkId, DocumentId } from './ids.ts';

/**
 * A checked link from a span of an answer to a span of a source. All offsets are UTF-16 units, end exclusive.
 * Title, version and quote are a snapshot, so an answer outlives its document.
 */
export interface Citation {
  /** 1-based, in order of first appearance in the answer. */
  readonly index: number;
  readonly chunkId: ChunkId;
  readonly documentId: DocumentId;
  readonly documentTitle: string;
  readonly documentVersion: number;
  readonly headingPath: readonly string[];
  readonly page: number | null;
  /** Equals the stored text of that version between sourceStart and sourceEnd; checked before it is shown. */
  readonly quote: string;
  readonly sourceStart: number;
  readonly sourceEnd: number;
  readonly answerStart: number;
  readonly answerEnd: number;
}
