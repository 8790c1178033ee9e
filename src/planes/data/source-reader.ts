import { createHash } from 'node:crypto';
import { assertNever, DomainError, notFound } from '../../domain/errors.ts';
import type { DocumentId, UploadId } from '../../domain/ids.ts';
import { MEDIA_TYPES, resolveMediaType } from '../../domain/media-type.ts';
import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type { DocumentLoader, UploadRecord, UploadRepository } from '../../domain/ports/documents.ts';
import type { UrlFetcher } from '../../domain/ports/url-fetcher.ts';
import type { Principal } from '../../domain/principal.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { DocumentSource } from '../services.ts';
import { stagingKey, uploadKey } from './blob-keys.ts';
import { firstWords, shortTitle } from './fallback-title.ts';

export interface SourceReaderDeps {
  readonly uploads: UploadRepository;
  readonly blobs: BlobStore;
  readonly loader: DocumentLoader;
  /** undefined: reading URLs is switched off. */
  readonly urlFetcher?: UrlFetcher | undefined;
}
export interface SourceLimits {
  /** Of a text in a request, as UTF-8. */
  readonly textBytesMax: number;
  /** Of what a URL holds. */
  readonly urlBytesMax: number;
}

/** A source whose bytes lie in the blob store. */
export interface StagedSource {
  readonly kind: 'staged';
  readonly mediaType: string;
  readonly fileName: string | null;
  /** When the submitter gave none. */
  readonly fallbackTitle: string;
  readonly contentHash: string;
  readonly byteLength: number;
  readonly blobKey: string;
}
export type SourceOutcome =
  | StagedSource
  | { readonly kind: 'unsupported'; readonly message: string }
  | { readonly kind: 'too-large'; readonly message: string };

const TEXT_TYPES: readonly string[] = [MEDIA_TYPES.text, MEDIA_TYPES.markdown, MEDIA_TYPES.html];

/** Brings the bytes of a source into the blob store, and refuses what can be seen to be no document. */
export class SourceReader {
  readonly #deps: SourceReaderDeps;
  readonly #limits: SourceLimits;

  constructor(deps: SourceReaderDeps, limits: SourceLimits) {
    this.#deps = deps;
    this.#limits = limits;
  }

  /** `candidateId` names the blob until the document is known. Throws NOT_FOUND or BAD_USER_INPUT. */
  async read(principal: Principal, source: DocumentSource, candidateId: DocumentId): Promise<SourceOutcome> {
    const scope: WorkspaceScope = { workspaceId: principal.workspaceId };
    switch (source.kind) {
      case 'text':
        return this.#text(scope, source, candidateId);
      case 'url':
        return this.#url(scope, source.url, candidateId);
      case 'upload':
        return this.#upload(await this.#findUpload(principal, scope, source.uploadId));
      default:
        return assertNever(source);
    }
  }

  async #text(
    scope: WorkspaceScope,
    source: Extract<DocumentSource, { kind: 'text' }>,
    candidateId: DocumentId,
  ): Promise<SourceOutcome> {
    const { content } = source;
    const { textBytesMax } = this.#limits;
    const mediaType = resolveMediaType(source.mediaType || MEDIA_TYPES.text, null);
    if (!TEXT_TYPES.includes(mediaType)) return unsupported(`A text cannot be of media type ${mediaType}.`);
    if (content.length > textBytesMax || Buffer.byteLength(content) > textBytesMax) {
      return tooLarge(`A text may have at most ${textBytesMax} bytes.`);
    }
    if (content.trim() === '') return unsupported('The text is empty.');
    if (content.includes('\0')) return unsupported('The text contains NUL characters.');
    // Half a surrogate pair has no UTF-8: storing it would change the text and its offsets.
    if (!content.isWellFormed()) return unsupported('The text contains half a surrogate pair.');
    const fallbackTitle = firstWords(content);
    return this.#stage(scope, candidateId, {
      bytes: Buffer.from(content),
      mediaType,
      fileName: null,
      fallbackTitle,
    });
  }

  async #url(scope: WorkspaceScope, url: string, candidateId: DocumentId): Promise<SourceOutcome> {
    const { urlFetcher, loader } = this.#deps;
    if (urlFetcher === undefined) return unsupported('Reading URLs is switched off.');
    const { urlBytesMax } = this.#limits;
    // The fetcher has its own deadline.
    const fetched = await urlFetcher
      .fetch(url, urlBytesMax, new AbortController().signal)
      .catch((error: unknown) => tooLargeOrThrow(error));
    if ('kind' in fetched) return fetched;
    const { bytes, fileName } = fetched;
    const mediaType = resolveMediaType(fetched.mediaType, fileName);
    if (!loader.supports(mediaType))
      return unsupported(`Documents of media type ${mediaType} cannot be read.`);
    if (bytes.length === 0) return unsupported('The URL holds nothing.');
    const fallbackTitle = shortTitle(fileName ?? url);
    return this.#stage(scope, candidateId, {
      bytes,
      mediaType,
      fileName: fileName ?? shortTitle(url),
      fallbackTitle,
    });
  }

  async #stage(
    scope: WorkspaceScope,
    candidateId: DocumentId,
    found: Pick<StagedSource, 'mediaType' | 'fileName' | 'fallbackTitle'> & { readonly bytes: Uint8Array },
  ): Promise<StagedSource> {
    const { bytes, ...facts } = found;
    const blobKey = stagingKey(candidateId);
    await this.#deps.blobs.put(scope, blobKey, bytes);
    const contentHash = createHash('sha256').update(bytes).digest('hex');
    return { kind: 'staged', ...facts, contentHash, byteLength: bytes.length, blobKey };
  }

  async #findUpload(principal: Principal, scope: WorkspaceScope, uploadId: UploadId): Promise<UploadRecord> {
    const upload = await this.#deps.uploads.find(scope, uploadId);
    if (upload?.userId !== principal.userId) throw notFound('upload');
    return upload;
  }

  /** What was seen to be unreadable at creation never came so far; the rest shows when it is loaded. */
  #upload(upload: UploadRecord): StagedSource {
    const { id, mediaType, fileName, size, contentHash } = upload;
    if (contentHash === null) throw new DomainError('BAD_USER_INPUT', 'Nothing has been uploaded there yet.');
    const fallbackTitle = shortTitle(fileName);
    return {
      kind: 'staged',
      mediaType,
      fileName,
      fallbackTitle,
      contentHash,
      byteLength: size,
      blobKey: uploadKey(id),
    };
  }
}

function tooLargeOrThrow(error: unknown): SourceOutcome {
  if (error instanceof DomainError && error.code === 'LIMIT_EXCEEDED') return tooLarge(error.message);
  throw error;
}

const unsupported = (message: string): SourceOutcome => ({ kind: 'unsupported', message });
const tooLarge = (message: string): SourceOutcome => ({ kind: 'too-large', message });
