import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Chunk, indexedText, type Metadata, type MetadataValue } from '../../domain/document.ts';
import { trustedId } from '../../domain/ids.ts';
import { analyze } from '../../domain/text-analyzer.ts';
import { existsFacet, valueFacet } from './facets.ts';
import type { ChunkRow } from './mongo-models.ts';

/** The fields that `toChunk` needs. */
export const CHUNK_FIELDS: Readonly<Record<string, 0 | 1>> = {
  ...{
    _id: 0,
    chunkId: 1,
    documentId: 1,
    version: 1,
    collectionId: 1,
    ordinal: 1,
    text: 1,
    start: 1,
    end: 1,
  },
  ...{ headingPath: 1, page: 1, contentHash: 1, metadata: 1 },
};

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const metadataSchema = z.record(z.string(), z.union([scalar, z.array(scalar)]));
const rowSchema = z.object({
  chunkId: z.string(),
  documentId: z.string(),
  version: z.number(),
  collectionId: z.string(),
  ordinal: z.number(),
  text: z.string(),
  start: z.number(),
  end: z.number(),
  headingPath: z.array(z.string()),
  page: z.number().nullable(),
  contentHash: z.string(),
  metadata: z.string(),
});

export const rowId = (workspaceId: string, id: string): string => `${workspaceId}/${id}`;
export const editionOf = (documentId: string, version: number): string => `${documentId}:${version}`;

/** Everything of a chunk that no embedding model has a part in. */
export function toRow(workspaceId: string, chunk: Chunk): Omit<ChunkRow, 'models' | 'vectors' | 'tokens'> {
  const terms = analyze(indexedText(chunk.headingPath, chunk.text));
  const metadata = JSON.stringify(chunk.metadata);
  return {
    ...{ _id: rowId(workspaceId, chunk.id), workspaceId, chunkId: chunk.id, documentId: chunk.documentId },
    ...{ version: chunk.documentVersion, edition: editionOf(chunk.documentId, chunk.documentVersion) },
    ...{ collectionId: chunk.collectionId, ordinal: chunk.ordinal, text: chunk.text },
    ...{ start: chunk.start, end: chunk.end, headingPath: [...chunk.headingPath], page: chunk.page },
    ...{ contentHash: chunk.contentHash, metadata, metadataKey: keyOf(metadata) },
    ...{ facets: facetsOf(chunk.metadata), ordered: orderedOf(chunk.metadata) },
    ...{ terms, termCount: terms.length },
  };
}

export function toChunk(row: unknown): Chunk {
  const stored = rowSchema.parse(row);
  return {
    id: trustedId('chk', stored.chunkId),
    documentId: trustedId('doc', stored.documentId),
    documentVersion: stored.version,
    collectionId: trustedId('col', stored.collectionId),
    metadata: metadataSchema.parse(JSON.parse(stored.metadata)),
    ...{ ordinal: stored.ordinal, text: stored.text, start: stored.start, end: stored.end },
    ...{ headingPath: stored.headingPath, page: stored.page, contentHash: stored.contentHash },
  };
}

function keyOf(metadata: string): string {
  return createHash('sha256').update(metadata).digest('base64url');
}

function facetsOf(metadata: Metadata): string[] {
  const facets = Object.entries(metadata).flatMap(([field, value]) => [
    existsFacet(field),
    ...valuesOf(value).map((each) => valueFacet(field, each)),
  ]);
  return [...new Set(facets)];
}

function orderedOf(metadata: Metadata): { field: string; value: string | number }[] {
  return Object.entries(metadata).flatMap(([field, value]) =>
    valuesOf(value).flatMap((each) => (typeof each === 'boolean' ? [] : { field, value: each })),
  );
}

function valuesOf(value: MetadataValue): readonly (string | number | boolean)[] {
  return Array.isArray(value) ? value : [value as string | number | boolean];
}
