import { createHash } from 'node:crypto';
import { DomainError } from '../../domain/errors.ts';
import { resolveMediaType } from '../../domain/media-type.ts';
import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type { DocumentLoader, UploadRecord, UploadRepository } from '../../domain/ports/documents.ts';
import type { RateLimit, RateLimiter } from '../../domain/ports/limits.ts';
import type { Clock, IdGenerator } from '../../domain/ports/system.ts';
import { authorize, type Principal, principalKey } from '../../domain/principal.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type {
  CreateUploadOutcome,
  ReceiveOutcome,
  UploadAddress,
  UploadApi,
  UploadProgress,
} from '../services.ts';
import { uploadKey } from './blob-keys.ts';
import { UploadParts } from './upload-parts.ts';
import { isSignedBy, parseClaims, signedPath } from './upload-signature.ts';

export interface UploadServiceDeps {
  readonly uploads: UploadRepository;
  readonly blobs: BlobStore;
  readonly loader: Pick<DocumentLoader, 'supports'>;
  readonly rateLimiter: RateLimiter;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}
export interface UploadServiceOptions {
  /** Key of the signatures; the same on every node. */
  readonly secret: Uint8Array;
  readonly uploadBytesMax: number;
  /** From creation until the bytes must have been sent and ingested. */
  readonly ttlMs: number;
  readonly uploadRate: RateLimit;
}

type ReceiveRequest = Parameters<UploadApi['receive']>[0];
type Refusal = Extract<ReceiveOutcome, { readonly kind: 'refused' }>;
type Admission =
  | { readonly kind: 'admitted'; readonly scope: WorkspaceScope; readonly upload: UploadRecord }
  | Refusal;
const FILE_NAME_LENGTH_MAX = 255;

/** The body had more or fewer bytes than were announced. */
class WrongSize extends Error {}

/** Uploads by signed address: bound to one size, one media type and one moment, and good for one body, whole or in parts. */
export class UploadService implements UploadApi {
  readonly #deps: UploadServiceDeps;
  readonly #options: UploadServiceOptions;
  readonly #parts: UploadParts;
  /** Bodies on their way into this process: a second one for the same upload would write over the first. */
  readonly #receiving = new Set<string>();

  constructor(deps: UploadServiceDeps, options: UploadServiceOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#parts = new UploadParts(deps);
  }

  async create(
    principal: Principal,
    input: { readonly fileName: string; readonly mediaType: string; readonly size: number },
  ): Promise<CreateUploadOutcome> {
    authorize(principal, 'document:write');
    await this.#takeRate(principal);
    const fileName = checkFileName(input.fileName);
    const { size } = input;
    if (!Number.isSafeInteger(size) || size < 1)
      throw badInput('`size` must be a number of bytes, at least 1.');
    const mediaType = resolveMediaType(input.mediaType, fileName);
    if (!this.#deps.loader.supports(mediaType)) {
      return { kind: 'unsupported', message: `Documents of media type ${mediaType} cannot be read.` };
    }
    const { uploadBytesMax, ttlMs, secret } = this.#options;
    if (size > uploadBytesMax) {
      return { kind: 'too-large', message: `A file may have at most ${uploadBytesMax} bytes.` };
    }
    const expiresAt = this.#deps.clock.now() + ttlMs;
    const id = this.#deps.ids.next('upl');
    const { userId, workspaceId } = principal;
    const upload: UploadRecord = {
      id,
      userId,
      fileName,
      mediaType,
      size,
      expiresAt,
      status: 'CREATED',
      contentHash: null,
      receivedBytes: 0,
      partKeys: [],
    };
    await this.#deps.uploads.create({ workspaceId }, upload);
    return { kind: 'created', uploadId: id, path: signedPath(secret, workspaceId, upload), expiresAt };
  }

  async receive(request: ReceiveRequest): Promise<ReceiveOutcome> {
    const admitted = await this.#admit(request);
    if (admitted.kind === 'refused') return admitted;
    const { scope, upload } = admitted;
    if (upload.status !== 'CREATED') return refused(409, 'The address was used before.');
    if (resolveMediaType(request.mediaType ?? '', upload.fileName) !== upload.mediaType) {
      return refused(415, `The body must be of media type ${upload.mediaType}.`);
    }
    return this.#exclusively(upload, () => this.#store(scope, upload, request.body));
  }

  async progress(address: UploadAddress): Promise<UploadProgress> {
    const admitted = await this.#admit(address);
    if (admitted.kind === 'refused') return admitted;
    return this.#joinIfWhole(admitted.scope, admitted.upload);
  }

  async append(request: Parameters<UploadApi['append']>[0]): Promise<UploadProgress> {
    const admitted = await this.#admit(request);
    if (admitted.kind === 'refused') return admitted;
    const { scope, upload } = admitted;
    if (upload.status !== 'CREATED') return refused(409, 'The address was used before.');
    if (request.offset !== upload.receivedBytes) {
      return refused(409, `The next byte to send is that at ${upload.receivedBytes}.`);
    }
    const outcome = await this.#parts.append(scope, upload, request.body);
    if (outcome.kind === 'conflict') return refused(409, 'Somebody else sent these bytes.');
    if (outcome.kind === 'too-large')
      return refused(413, `The upload must have exactly ${upload.size} bytes.`);
    return this.#joinIfWhole(scope, outcome.upload);
  }

  /** Repeatable: a crash before its end is made good by whoever asks for the progress next. */
  async #joinIfWhole(scope: WorkspaceScope, upload: UploadRecord): Promise<UploadProgress> {
    const { size, status, receivedBytes, id } = upload;
    if (status !== 'CREATED') return { kind: 'progress', offset: size, size };
    if (receivedBytes < size) return { kind: 'progress', offset: receivedBytes, size };
    const hash = createHash('sha256');
    const bytes = exactly(size, this.#parts.joined(scope, upload), (part) => hash.update(part));
    await this.#deps.blobs.put(scope, uploadKey(id), bytes);
    await this.#deps.uploads.receive(scope, id, hash.digest('hex'));
    await this.#parts.remove(scope, upload);
    return { kind: 'progress', offset: size, size };
  }

  async #admit({ uploadId, query }: UploadAddress): Promise<Admission> {
    const { signature = '' } = query;
    const claims = parseClaims(uploadId, query);
    if (claims === undefined) return refused(403, 'The address is not valid.');
    const scope: WorkspaceScope = { workspaceId: claims.workspaceId };
    const upload = await this.#deps.uploads.find(scope, claims.uploadId);
    // The same answer for an upload that never was: nobody learns which ids exist.
    if (upload === undefined || !isSignedBy(this.#options.secret, claims, upload, signature)) {
      return refused(403, 'The address is not valid.');
    }
    if (upload.expiresAt <= this.#deps.clock.now()) return refused(410, 'The address has expired.');
    return { kind: 'admitted', scope, upload };
  }

  async #exclusively(upload: UploadRecord, store: () => Promise<ReceiveOutcome>): Promise<ReceiveOutcome> {
    if (this.#receiving.has(upload.id)) return refused(409, 'The address is in use.');
    this.#receiving.add(upload.id);
    try {
      return await store();
    } finally {
      this.#receiving.delete(upload.id);
    }
  }

  async #store(
    scope: WorkspaceScope,
    upload: UploadRecord,
    body: AsyncIterable<Uint8Array>,
  ): Promise<ReceiveOutcome> {
    const hash = createHash('sha256');
    try {
      // The store never shows a blob whose bytes did not all come: a wrong size leaves nothing behind.
      await this.#deps.blobs.put(
        scope,
        uploadKey(upload.id),
        exactly(upload.size, body, (part) => hash.update(part)),
      );
    } catch (error) {
      if (!hasCause(error, WrongSize)) throw error;
      return refused(413, `The body must have exactly ${upload.size} bytes.`);
    }
    const received = await this.#deps.uploads.receive(scope, upload.id, hash.digest('hex'));
    if (received) return { kind: 'received' };
    // Reaped while its bytes came: nobody else would remove them.
    const isGone = (await this.#deps.uploads.find(scope, upload.id)) === undefined;
    if (isGone) await this.#deps.blobs.remove(scope, uploadKey(upload.id));
    return refused(409, 'The address was used before.');
  }

  async #takeRate(principal: Principal): Promise<void> {
    const decision = await this.#deps.rateLimiter.take(this.#options.uploadRate, principalKey(principal));
    if (decision.allowed) return;
    const { retryAfterMs } = decision;
    throw new DomainError('RATE_LIMITED', 'Too many uploads at once; try again later.', { retryAfterMs });
  }
}

/** Passes on what comes; throws WrongSize as soon as it is too much, or at the end if it was too little. */
async function* exactly(
  size: number,
  body: AsyncIterable<Uint8Array>,
  look: (part: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > size) throw new WrongSize();
    look(part);
    yield part;
  }
  if (length < size) throw new WrongSize();
}

/** Blob stores wrap what their source throws. */
function hasCause(error: unknown, kind: typeof WrongSize): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at instanceof kind) return true;
  }
  return false;
}

/** The name alone, without folders. */
function checkFileName(fileName: string): string {
  const name = (fileName.split(/[\\/]/).at(-1) ?? '').trim();
  const isUsable =
    name !== '' && name.length <= FILE_NAME_LENGTH_MAX && !/\p{Cc}/u.test(name) && name.isWellFormed();
  if (!isUsable) throw badInput(`\`fileName\` must have 1 to ${FILE_NAME_LENGTH_MAX} printable characters.`);
  return name;
}

function refused(status: Refusal['status'], message: string): Refusal {
  return { kind: 'refused', status, message };
}

function badInput(message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', message);
}
