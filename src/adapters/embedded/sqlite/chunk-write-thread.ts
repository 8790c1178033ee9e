/** The one thread of this process that writes the chunk index. */
import { workerData } from 'node:worker_threads';
import type { DocumentId, WorkspaceId } from '../../../domain/ids.ts';
import type { EmbeddingModelRef, IndexedChunk } from '../../../domain/ports/chunk-index.ts';
import { CHUNK_SCHEMA } from './chunk-schema.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { openDatabase } from './open-database.ts';
import { serveThread } from './thread-server.ts';

const { path } = workerData as { readonly path: string };
const writer = new ChunkWriter(openDatabase({ path, ...CHUNK_SCHEMA }));

interface InWorkspace {
  readonly workspaceId: WorkspaceId;
}
interface OfDocument extends InWorkspace {
  readonly documentId: DocumentId;
}

const operations = {
  upsert({
    workspaceId,
    model,
    chunks,
  }: InWorkspace & { model: EmbeddingModelRef; chunks: readonly IndexedChunk[] }): void {
    writer.upsert(workspaceId, model, chunks);
  },
  publish({ workspaceId, documentId, version }: OfDocument & { version: number }): void {
    writer.publish(workspaceId, documentId, version);
  },
  remove({ workspaceId, documentId, version }: OfDocument & { version: number | undefined }): void {
    writer.remove(workspaceId, documentId, version);
  },
};
export type ChunkWriteOperations = typeof operations;

serveThread(path, operations);
