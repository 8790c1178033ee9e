import type { Metadata } from './types.ts';

export interface IngestOptions {
  /** Default: found in the text or the file name. */
  readonly title?: string | undefined;
  /** Your own name for the document; other content under it makes a new version. */
  readonly externalId?: string | undefined;
  readonly collectionId?: string | undefined;
  readonly metadata?: Metadata | undefined;
  /** Default: a new one for each call. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
interface TextSource extends IngestOptions {
  readonly text: string;
  /** text/plain (default), text/markdown or text/html. */
  readonly mediaType?: string;
}
interface UrlSource extends IngestOptions {
  readonly url: string;
}
interface BytesSource extends IngestOptions {
  readonly bytes: Uint8Array<ArrayBuffer> | ArrayBuffer;
  readonly fileName: string;
  /** Default: from the ending of the file name. */
  readonly mediaType?: string;
}
/** Text, an address to fetch, bytes, or a browser's File. */
export type IngestSource = TextSource | UrlSource | BytesSource | Blob;

/** The bytes of a file with what the server wants to know of it. */
export interface Upload {
  readonly body: Blob;
  readonly fileName: string;
  readonly mediaType: string;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  text: 'text/plain',
  md: 'text/markdown',
  markdown: 'text/markdown',
  htm: 'text/html',
  html: 'text/html',
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  jsonl: 'application/x-ndjson',
  ndjson: 'application/x-ndjson',
  epub: 'application/epub+zip',
  zip: 'application/zip',
};

export function uploadOf(source: BytesSource | Blob): Upload {
  if (source instanceof Blob) {
    const fileName = 'name' in source && typeof source.name === 'string' ? source.name : 'document';
    return { body: source, fileName, mediaType: mediaTypeOf(fileName, source.type) };
  }
  const { bytes, fileName, mediaType } = source;
  return { body: new Blob([bytes]), fileName, mediaType: mediaTypeOf(fileName, mediaType) };
}

/** Browsers name no type for a Markdown file. Parameters, such as a charset, are not part of the type. */
function mediaTypeOf(fileName: string, given: string | undefined): string {
  const type = given?.split(';')[0]?.trim().toLowerCase();
  if (type) return type;
  const ending = fileName.slice(fileName.lastIndexOf('.') + 1).toLowerCase();
  return MEDIA_TYPES[ending] ?? 'application/octet-stream';
}
