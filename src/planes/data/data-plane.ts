import type { RateLimit } from '../../domain/ports/limits.ts';
import type { DocumentApi, UploadApi } from '../services.ts';
import { DocumentService, type DocumentServiceDeps } from './document-service.ts';
import { IngestionWorker, type IngestionWorkerDeps } from './ingestion-worker.ts';
import { UploadService } from './upload-service.ts';

export interface DataPlaneDeps extends DocumentServiceDeps, IngestionWorkerDeps {}

export interface DataPlaneOptions {
  /** Key of the signed upload addresses; the same on every node. */
  readonly uploadSecret: Uint8Array;
  /** Of a text in a request, as UTF-8. */
  readonly textBytesMax?: number;
  /** Of an uploaded file, or of what a URL holds. */
  readonly uploadBytesMax?: number;
  readonly uploadTtlMs?: number;
  readonly ingestionsPerMinute?: number;
  readonly concurrencyMax?: number;
  readonly drainTimeoutMs?: number;
}
export interface DataPlane {
  readonly documents: DocumentApi;
  readonly uploads: UploadApi;
  /** Does nothing until `start()`. */
  readonly worker: IngestionWorker;
}

const MEBIBYTE = 1024 * 1024;
const MINUTE_MS = 60_000;
const DEFAULTS = {
  textBytesMax: 10 * MEBIBYTE,
  uploadBytesMax: 64 * MEBIBYTE,
  uploadTtlMs: 15 * MINUTE_MS,
  ingestionsPerMinute: 600,
  concurrencyMax: 2,
};

export function createDataPlane(deps: DataPlaneDeps, options: DataPlaneOptions): DataPlane {
  const { textBytesMax, uploadBytesMax, uploadTtlMs, ingestionsPerMinute, concurrencyMax } = {
    ...DEFAULTS,
    ...options,
  };
  const rate = (name: string): RateLimit => ({ name, limit: ingestionsPerMinute, windowMs: MINUTE_MS });
  const { drainTimeoutMs, uploadSecret } = options;
  return {
    documents: new DocumentService(deps, {
      textBytesMax,
      urlBytesMax: uploadBytesMax,
      ingestRate: rate('ingest'),
    }),
    uploads: new UploadService(deps, {
      secret: uploadSecret,
      uploadBytesMax,
      ttlMs: uploadTtlMs,
      uploadRate: rate('create-upload'),
    }),
    worker: new IngestionWorker(deps, {
      concurrencyMax,
      ...(drainTimeoutMs !== undefined && { drainTimeoutMs }),
    }),
  };
}
