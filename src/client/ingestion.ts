import { DEFAULT_RETRY, retryDelayMs, sleep } from './backoff.ts';
import type { Connection } from './connection.ts';
import { documentContinuity } from './continuity.ts';
import { MultiDbError, networkError, userError } from './errors.ts';
import {
  CreateUploadDocument,
  DocumentDocument,
  DocumentEventsDocument,
  type DocumentSourceInput,
  IngestDocument,
} from './generated/operations.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { type IngestOptions, type IngestSource, type Upload, uploadOf } from './ingest-source.ts';
import type { Document, DocumentEvent } from './types.ts';

export interface Accepted {
  /** As it was when it was accepted. */
  readonly document: Document;
  /** These bytes were in the collection already; nothing is done again. */
  readonly duplicate: boolean;
}
export interface EventOptions {
  /** Cursor of the last event already seen; default: from the start. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const UPLOAD_RETRY = { ...DEFAULT_RETRY, attemptCountMax: 2 };

/** The steps of a document on its way into the index; ends when its newest version is READY or FAILED. */
export function watchDocument(
  connection: Connection,
  documentId: () => Promise<string>,
  { after, signal }: EventOptions = {},
): AsyncIterableIterator<DocumentEvent, undefined> {
  return connection.subscribe({
    document: DocumentEventsDocument,
    variables: async () => ({ documentId: await documentId(), after }),
    read: ({ documentEvents }) => documentEvents,
    continuity: documentContinuity(),
    signal,
  });
}

/** A document on its way: uploaded, if it must be, and submitted when it is made. */
export class Ingestion {
  /** The document is safe at the server. Rejects with MultiDbError, for example UNSUPPORTED_DOCUMENT. */
  readonly accepted: Promise<Accepted>;
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: Connection, source: IngestSource, options: IngestOptions = {}) {
    this.#connection = connection;
    const given = source instanceof Blob ? options : { ...source, ...options };
    this.#signal = given.signal;
    this.accepted = submit(connection, source, given);
    // Whoever awaits anything of this gets the rejection; until then it must not count as unhandled.
    this.accepted.catch(() => {});
  }

  events(): AsyncIterableIterator<DocumentEvent, undefined> {
    const documentId = async () => (await this.accepted).document.id;
    return watchDocument(this.#connection, documentId, { signal: this.#signal });
  }

  /** The document once searches and answers see it. Throws what it failed with as MultiDbError. */
  async ready(): Promise<Document> {
    const accepted = await this.accepted;
    if (accepted.document.status === 'READY') return accepted.document;
    for await (const _ of this.events());
    const { document } = await this.#connection.query(
      DocumentDocument,
      { id: accepted.document.id },
      this.#signal,
    );
    if (document === null) throw new MultiDbError('NOT_FOUND', 'The document was deleted meanwhile.');
    if (document.status === 'READY') return document;
    const { code, message, retryable } = document.error ?? {
      code: 'INGESTION_FAILED',
      message: 'The document could not be taken in.',
      retryable: false,
    };
    throw new MultiDbError(code, message, { retryable });
  }
}

async function submit(
  connection: Connection,
  source: IngestSource,
  options: IngestOptions,
): Promise<Accepted> {
  const { title, externalId, collectionId, metadata, signal } = options;
  const idempotencyKey = options.idempotencyKey ?? newIdempotencyKey();
  const input = {
    title,
    externalId,
    collectionId,
    metadata,
    idempotencyKey,
    source: await sourceInput(connection, source, signal),
  };
  const { ingest } = await connection.mutate(IngestDocument, { input }, { signal, repeatable: true });
  if (ingest.__typename !== 'IngestSuccess') throw userError(ingest);
  return { document: ingest.document, duplicate: ingest.duplicate };
}

async function sourceInput(
  connection: Connection,
  source: IngestSource,
  signal: AbortSignal | undefined,
): Promise<DocumentSourceInput> {
  if (source instanceof Blob || 'bytes' in source) {
    return { uploadId: await send(connection, uploadOf(source), signal) };
  }
  if ('url' in source) return { url: source.url };
  if (!('text' in source)) throw new TypeError('A source is a text, a url, bytes or a Blob.');
  const { text, mediaType } = source;
  return { text: { content: text, ...(mediaType !== undefined && { mediaType }) } };
}

/** An upload's address is good for one PUT, so after a lost connection the next attempt asks for a new one. */
async function send(
  connection: Connection,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<string> {
  for (let failureCount = 1; ; failureCount += 1) {
    try {
      return await sendOnce(connection, upload, signal);
    } catch (error) {
      const lost = error instanceof MultiDbError && error.code === 'NETWORK';
      const delayMs = lost ? retryDelayMs(error, failureCount, UPLOAD_RETRY) : undefined;
      if (delayMs === undefined) throw error;
      await sleep(delayMs, signal);
    }
  }
}

async function sendOnce(
  connection: Connection,
  { body, fileName, mediaType }: Upload,
  signal: AbortSignal | undefined,
): Promise<string> {
  const input = { fileName, mediaType, size: body.size };
  const { createUpload } = await connection.mutate(
    CreateUploadDocument,
    { input },
    { signal, repeatable: true },
  );
  if (createUpload.__typename !== 'CreateUploadSuccess') throw userError(createUpload);
  const response = await connection.put(createUpload.url, body, { mediaType, signal });
  if (response.ok) return createUpload.uploadId;
  if (response.status >= 500) throw networkError(`The upload failed (HTTP ${response.status}).`);
  if (response.status === 413) throw new MultiDbError('DOCUMENT_TOO_LARGE', 'The file is too large.');
  throw new MultiDbError('UPLOAD_REFUSED', `The upload was refused (HTTP ${response.status}).`);
}
