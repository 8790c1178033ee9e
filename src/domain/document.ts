import type { ErrorInfo } from './errors.ts';
import type { ChunkId, CollectionId, DocumentId, UserId, WorkspaceId } from './ids.ts';

export const DOCUMENT_STATUSES = ['QUEUED', 'PROCESSING', 'READY', 'FAILED'] as const;
export type DocumentStatus = (typeof DOCUMENT_STATUSES)[number];

/** In order. Each is repeatable: doing it again after a crash changes nothing. */
export const INGESTION_STAGES = ['load', 'split', 'embed', 'index', 'verify'] as const;
export type IngestionStage = (typeof INGESTION_STAGES)[number];

export type MetadataValue = string | number | boolean | readonly (string | number | boolean)[];
export type Metadata = Readonly<Record<string, MetadataValue>>;

export interface Document {
  readonly id: DocumentId;
  readonly workspaceId: WorkspaceId;
  readonly collectionId: CollectionId;
  readonly externalId: string | null;
  readonly title: string;
  readonly mediaType: string;
  readonly metadata: Metadata;
  /** Of the newest version. */
  readonly status: DocumentStatus;
  /** The newest version, from 1. */
  readonly version: number;
  /** What readers see: the newest version that is whole; 0 while there is none. */
  readonly activeVersion: number;
  /** Chunks of the active version. */
  readonly chunkCount: number;
  readonly error: ErrorInfo | null;
  readonly createdBy: UserId;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** One submitted content of a document. */
export interface DocumentVersion {
  readonly documentId: DocumentId;
  readonly version: number;
  readonly mediaType: string;
  /** Lower-case hex SHA-256 of the submitted bytes. */
  readonly contentHash: string;
  readonly byteLength: number;
  readonly fileName: string | null;
}

/** One step of a document's way, as subscribers see it. */
export interface DocumentProgress {
  /** Dense from 0 within a document. */
  readonly sequence: number;
  readonly version: number;
  readonly stage: IngestionStage | 'queued' | 'done' | 'failed';
  readonly status: DocumentStatus;
  /** 0 to 1 over the whole way of this version. */
  readonly progress: number;
  readonly message: string | null;
}

/** A stored unit of text. `text` equals the stored text of the version between start and end (UTF-16 units). */
export interface Chunk {
  readonly id: ChunkId;
  readonly documentId: DocumentId;
  readonly documentVersion: number;
  readonly collectionId: CollectionId;
  /** Position in the document, from 0. */
  readonly ordinal: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly headingPath: readonly string[];
  readonly page: number | null;
  readonly metadata: Metadata;
  /** Lower-case hex SHA-256 of what is embedded (heading path and text). */
  readonly contentHash: string;
}

/** A retrieved chunk with its scores. */
export interface Passage {
  readonly chunk: Chunk;
  readonly documentTitle: string;
  /** Fused, 0 to 1; comparable within one search only. */
  readonly score: number;
  readonly lexicalScore: number;
  readonly vectorScore: number;
}

/** What is embedded and indexed for a chunk: headings give short passages their subject. */
export function indexedText(headingPath: readonly string[], text: string): string {
  return headingPath.length === 0 ? text : `${headingPath.join(' › ')}\n${text}`;
}
