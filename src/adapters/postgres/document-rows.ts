import { z } from 'zod';
import { DOCUMENT_STATUSES, type Document, INGESTION_STAGES, type Metadata } from '../../domain/document.ts';
import { trustedId } from '../../domain/ids.ts';
import { errorInfo, millis } from './rows.ts';

/** The columns of `documents d` under the names that Prisma gives them: one parser for both. */
export const DOCUMENT_COLUMNS = `d.id, d.workspace_id AS "workspaceId", d.collection_id AS "collectionId",
  d.external_id AS "externalId", d.title, d.media_type AS "mediaType", d.metadata, d.status, d.version,
  d.active_version AS "activeVersion", d.chunk_count AS "chunkCount", d.error, d.created_by AS "createdBy",
  d.created_at AS "createdAt", d.updated_at AS "updatedAt"`;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const metadata: z.ZodType<Metadata> = z.record(z.string(), z.union([scalar, z.array(scalar)]));
export const documentStatus = z.enum(DOCUMENT_STATUSES);
export const progressStage = z.enum([...INGESTION_STAGES, 'queued', 'done', 'failed']);

const documentRow = z.object({
  id: z.string(),
  workspaceId: z.string(),
  collectionId: z.string(),
  externalId: z.string().nullable(),
  title: z.string(),
  mediaType: z.string(),
  metadata,
  status: documentStatus,
  version: z.int(),
  activeVersion: z.int(),
  chunkCount: z.int(),
  error: errorInfo,
  createdBy: z.string(),
  createdAt: millis,
  updatedAt: millis,
});

export function toDocument(stored: unknown): Document {
  const row = documentRow.parse(stored);
  return {
    ...row,
    id: trustedId('doc', row.id),
    workspaceId: trustedId('wsp', row.workspaceId),
    collectionId: trustedId('col', row.collectionId),
    createdBy: trustedId('usr', row.createdBy),
  };
}
