export const MEDIA_TYPES = {
  text: 'text/plain',
  markdown: 'text/markdown',
  html: 'text/html',
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
} as const;
export type SupportedMediaType = (typeof MEDIA_TYPES)[keyof typeof MEDIA_TYPES];

const SYNONYMS: Readonly<Record<string, SupportedMediaType>> = {
  'text/x-markdown': MEDIA_TYPES.markdown,
  'application/markdown': MEDIA_TYPES.markdown,
  'application/xhtml+xml': MEDIA_TYPES.html,
  'application/x-pdf': MEDIA_TYPES.pdf,
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
};
/** What senders say when they do not know; and plain text, which a file server says of Markdown too. */
const VAGUE: ReadonlySet<string> = new Set(['', 'application/octet-stream', 'binary/octet-stream']);

/**
 * The kind of a document from what its sender says of it: lower case, without parameters. A vague declaration, and
 * `text/plain` for a file named *.md, yields to the file name. An unknown kind comes back as declared.
 */
export function resolveMediaType(declared: string, fileName: string | null): string {
  const essence = (declared.split(';', 1)[0] ?? '').trim().toLowerCase();
  const named = fileName === null ? undefined : OF_EXTENSION[extensionOf(fileName)];
  if (VAGUE.has(essence)) return named ?? (essence === '' ? 'application/octet-stream' : essence);
  if (essence === MEDIA_TYPES.text && named === MEDIA_TYPES.markdown) return named;
  return SYNONYMS[essence] ?? essence;
}

export function isSupportedMediaType(mediaType: string): mediaType is SupportedMediaType {
  return Object.values<string>(MEDIA_TYPES).includes(mediaType);
}

function extensionOf(fileName: string): string {
  const dot = fileName.lastIndexOf('.');
  return dot < 0 ? '' : fileName.slice(dot + 1).toLowerCase();
}
