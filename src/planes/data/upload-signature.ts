import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseId, type UploadId, type WorkspaceId } from '../../domain/ids.ts';
import type { UploadRecord } from '../../domain/ports/documents.ts';

/** What a signed address promises; all of it is under the signature. */
export interface UploadClaims {
  readonly workspaceId: WorkspaceId;
  readonly uploadId: UploadId;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Path and query of the PUT: whoever holds it may send exactly these bytes, once, until it expires. */
export function signedPath(secret: Uint8Array, workspaceId: WorkspaceId, upload: UploadRecord): string {
  const { id: uploadId, expiresAt } = upload;
  const signature = sign(secret, { workspaceId, uploadId, expiresAt }, upload).toString('base64url');
  const query = new URLSearchParams({ workspace: workspaceId, expires: String(expiresAt), signature });
  return `/uploads/${uploadId}?${query}`;
}

/** The claims as they were sent, not yet proved; undefined: not one of our addresses. */
export function parseClaims(
  uploadId: string,
  query: Readonly<Record<string, string | undefined>>,
): UploadClaims | undefined {
  const { workspace = '', expires = '' } = query;
  const id = parseId('upl', uploadId);
  const workspaceId = parseId('wsp', workspace);
  if (id === undefined || workspaceId === undefined || !/^\d{1,15}$/.test(expires)) return undefined;
  return { uploadId: id, workspaceId, expiresAt: Number(expires) };
}

/** Compared in constant time. */
export function isSignedBy(
  secret: Uint8Array,
  claims: UploadClaims,
  upload: Pick<UploadRecord, 'size' | 'mediaType'>,
  signature: string,
): boolean {
  const given = Buffer.from(signature, 'base64url');
  const expected = sign(secret, claims, upload);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function sign(
  secret: Uint8Array,
  { workspaceId, uploadId, expiresAt }: UploadClaims,
  { size, mediaType }: Pick<UploadRecord, 'size' | 'mediaType'>,
): Buffer {
  const signed = ['upload', workspaceId, uploadId, size, mediaType, expiresAt].join('\n');
  return createHmac('sha256', secret).update(signed).digest();
}
