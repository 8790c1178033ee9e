import type { Connection } from './connection.ts';
import { documentContinuity } from './continuity.ts';
import { MultiDbError, userError } from './errors.ts';
import {
  DocumentDocument,
  DocumentEventsDocument,
  type DocumentSourceInput,
  IngestDocument,
} from './generated/operations.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { type IngestOptions, type IngestSource, uploadOf } from './ingest-source.ts';
import type { Document, DocumentEvent } from './types.ts';
import { sendUpload } from './uploading.ts';

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
    return { uploadId: await sendUpload(connection, uploadOf(source), signal) };
  }
  if ('url' in source) return { url: source.url };
  if (!('text' in source)) throw new TypeError('A source is a text, a url, bytes or a Blob.');
  const { text, mediaType } = source;
  return { text: { content: text, ...(mediaType !== undefined && { mediaType }) } };
}
