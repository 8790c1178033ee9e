/** The one thread of this process that writes the chunk index. */
import { workerData } from 'node:worker_threads';
import type { ChunkId, CollectionId, DocumentId, WorkspaceId } from '../../../domain/ids.ts';
import type { ChunkVector, EmbeddingModelRef, IndexedChunk } from '../../../domain/ports/chunk-index.ts';
import { CHUNK_SCHEMA } from './chunk-schema.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { openDatabase } from './open-database.ts';
import { serveThread } from './thread-server.ts';
import { VectorWriter } from './vector-writer.ts';

const { path } = workerData as { readonly path: string };
const database = openDatabase({ path, ...CHUNK_SCHEMA });
const writer = new ChunkWriter(database);
const vectorWriter = new VectorWriter(database);

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
  putVectors({
    workspaceId,
    model,
    vectors,
  }: InWorkspace & { model: EmbeddingModelRef; vectors: readonly ChunkVector[] }): void {
    vectorWriter.put(workspaceId, model, vectors);
  },
  dropVectors({
    workspaceId,
    model,
    ...part
  }: InWorkspace & {
    model: EmbeddingModelRef;
    collectionId: CollectionId;
    after: ChunkId | undefined;
  }): ChunkId | undefined {
    return vectorWriter.drop(workspaceId, model, part);
  },
};
export type ChunkWriteOperations = typeof operations;

serveThread(path, operations);
