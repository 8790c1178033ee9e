export const MEDIA_TYPES = {
  text: 'text/plain',
  markdown: 'text/markdown',
  html: 'text/html',
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  jsonLines: 'application/x-ndjson',
  epub: 'application/epub+zip',
  zip: 'application/zip',
} as const;
export type SupportedMediaType = (typeof MEDIA_TYPES)[keyof typeof MEDIA_TYPES];

const SYNONYMS: Readonly<Record<string, SupportedMediaType>> = {
  'text/x-markdown': MEDIA_TYPES.markdown,
  'application/markdown': MEDIA_TYPES.markdown,
  'application/xhtml+xml': MEDIA_TYPES.html,
  'application/x-pdf': MEDIA_TYPES.pdf,
  'application/csv': MEDIA_TYPES.csv,
  'text/comma-separated-values': MEDIA_TYPES.csv,
  'text/tsv': MEDIA_TYPES.tsv,
  'text/json': MEDIA_TYPES.json,
  'application/jsonl': MEDIA_TYPES.jsonLines,
  'application/jsonlines': MEDIA_TYPES.jsonLines,
  'application/ndjson': MEDIA_TYPES.jsonLines,
  'application/x-zip-compressed': MEDIA_TYPES.zip,
};
const OF_EXTENSION: Readonly<Record<string, SupportedMediaType>> = {
  txt: MEDIA_TYPES.text,
  text: MEDIA_TYPES.text,
  log: MEDIA_TYPES.text,
  md: MEDIA_TYPES.markdown,
  markdown: MEDIA_TYPES.markdown,
  mdx: MEDIA_TYPES.markdown,
  html: MEDIA_TYPES.html,
  htm: MEDIA_TYPES.html,
  xhtml: MEDIA_TYPES.html,
  pdf: MEDIA_TYPES.pdf,
  docx: MEDIA_TYPES.docx,
  csv: MEDIA_TYPES.csv,
  tsv: MEDIA_TYPES.tsv,
  tab: MEDIA_TYPES.tsv,
  json: MEDIA_TYPES.json,
  jsonl: MEDIA_TYPES.jsonLines,
  ndjson: MEDIA_TYPES.jsonLines,
  epub: MEDIA_TYPES.epub,
  zip: MEDIA_TYPES.zip,
};
/** Declared for a file of a more exact kind: browsers on Windows call a CSV file Excel's, file servers call much plain text. */
const LOOSE: ReadonlySet<string> = new Set([MEDIA_TYPES.text, 'application/vnd.ms-excel']);
/** What a loose declaration yields to. */
const EXACT: ReadonlySet<string | undefined> = new Set([
  MEDIA_TYPES.markdown,
  MEDIA_TYPES.csv,
  MEDIA_TYPES.tsv,
  MEDIA_TYPES.json,
  MEDIA_TYPES.jsonLines,
]);
/** What senders say when they do not know; and plain text, which a file server says of Markdown too. */
const VAGUE: ReadonlySet<string> = new Set(['', 'application/octet-stream', 'binary/octet-stream']);

/**
 * The kind of a document from what its sender says of it: lower case, without parameters. A vague declaration, and
 * one that is looser than the file name, such as `text/plain` for *.md, yields to it. An unknown kind comes back as declared.
 */
export function resolveMediaType(declared: string, fileName: string | null): string {
  const essence = (declared.split(';', 1)[0] ?? '').trim().toLowerCase();
  const named = fileName === null ? undefined : OF_EXTENSION[extensionOf(fileName)];
  if (VAGUE.has(essence)) return named ?? (essence === '' ? 'application/octet-stream' : essence);
  if (named !== undefined && LOOSE.has(essence) && EXACT.has(named)) return named;
  if (named === MEDIA_TYPES.jsonLines && essence === MEDIA_TYPES.json) return named;
  return SYNONYMS[essence] ?? essence;
}

export function isSupportedMediaType(mediaType: string): mediaType is SupportedMediaType {
  return Object.values<string>(MEDIA_TYPES).includes(mediaType);
}

function extensionOf(fileName: string): string {
  const dot = fileName.lastIndexOf('.');
  return dot < 0 ? '' : fileName.slice(dot + 1).toLowerCase();
}
