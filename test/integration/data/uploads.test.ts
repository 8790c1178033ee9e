import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UploadId } from '../../../src/domain/ids.ts';
import { MEDIA_TYPES } from '../../../src/domain/media-type.ts';
import type { CreateUploadOutcome } from '../../../src/planes/services.ts';
import { type DataPlaneHarness, openDataPlane, type Tenant } from '../../support/data-plane.ts';

let harness: DataPlaneHarness;
let tenant: Tenant;
beforeEach(async () => {
  harness = await openDataPlane({}, { uploadBytesMax: 5000, uploadTtlMs: 60_000 });
  tenant = await harness.tenant();
});
afterEach(() => harness.worker.close());

type Created = Extract<CreateUploadOutcome, { kind: 'created' }>;
async function create(size: number, fileName = 'notes.txt', mediaType = 'text/plain'): Promise<Created> {
  const outcome = await harness.uploads.create(tenant.owner, { fileName, mediaType, size });
  if (outcome.kind !== 'created') throw new Error(outcome.kind);
  return outcome;
}
async function* parts(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < body.length; start += 7) yield body.subarray(start, start + 7);
}
/** As the route does it: from path and query to the service. */
function put(path: string, body: string | Uint8Array, mediaType: string | undefined = 'text/plain') {
  const url = new URL(path, 'http://server.test');
  return harness.uploads.receive({
    uploadId: url.pathname.slice('/uploads/'.length),
    query: Object.fromEntries(url.searchParams),
    mediaType,
    body: parts(Buffer.from(body)),
  });
}
const ingest = (uploadId: UploadId, more: object = {}) =>
  harness.documents.ingest(tenant.owner, { source: { kind: 'upload', uploadId }, ...more });
const blob = (uploadId: UploadId) => harness.deps.blobs.get(tenant.scope, `uploads/${uploadId}`);

describe('an upload', () => {
  it.each([
    ['office-handbook.pdf', MEDIA_TYPES.pdf, 'Office handbook', /Lighthouse room/],
    ['travel-policy.docx', 'application/octet-stream', 'Travel policy', /Portugal \| 32/],
    ['recipes.html', 'text/html', 'Recipes of the canteen', /red lentils/],
    ['stores.md', 'text/plain', 'Which store for which data', /usage ledger/],
    ['notes.txt', 'text/plain', 'notes.txt', /spare key/],
  ])('of %s becomes a READY document', async (fileName, mediaType, title, words) => {
    const bytes = await readFile(new URL(`../../fixtures/documents/${fileName}`, import.meta.url));
    const { uploadId, path } = await create(bytes.length, fileName, mediaType);
    expect(await put(path, bytes, mediaType)).toEqual({ kind: 'received' });
    const outcome = await ingest(uploadId);
    if (outcome.kind !== 'ingested') throw new Error(outcome.kind);
    harness.worker.start();
    await harness.settle();
    const { id } = outcome.document;
    expect(await harness.documents.get(tenant.owner, id)).toMatchObject({ status: 'READY', title });
    expect(await harness.documents.text(tenant.owner, id, { start: 0 })).toMatch(words);
    expect(await harness.deps.blobs.get(tenant.scope, `documents/${id}/1/original`)).toEqual(
      Uint8Array.from(bytes),
    );
    expect(await blob(uploadId)).toBeUndefined();
  });

  it('that turns out to be no document fails with a sentence', async () => {
    const { uploadId, path } = await create(9, 'broken.pdf', MEDIA_TYPES.pdf);
    await put(path, '%PDF-1.7\n', MEDIA_TYPES.pdf);
    const outcome = await ingest(uploadId);
    if (outcome.kind !== 'ingested') throw new Error(outcome.kind);
    harness.worker.start();
    await harness.settle();
    expect(await harness.documents.get(tenant.owner, outcome.document.id)).toMatchObject({
      status: 'FAILED',
      error: {
        code: 'BAD_USER_INPUT',
        message: '"broken.pdf" cannot be read: the PDF is broken.',
        retryable: false,
      },
    });
  });

  it('is refused at creation for its kind or size', async () => {
    const of = (input: { fileName?: string; mediaType?: string; size?: number }) =>
      harness.uploads.create(tenant.owner, { fileName: 'a.txt', mediaType: 'text/plain', size: 1, ...input });
    expect(await of({ mediaType: 'image/png' })).toMatchObject({ kind: 'unsupported' });
    expect(await of({ mediaType: 'application/octet-stream', fileName: 'a.exe' })).toMatchObject({
      kind: 'unsupported',
    });
    expect(await of({ size: 5001 })).toMatchObject({ kind: 'too-large' });
    for (const input of [
      { size: 0 },
      { size: -1 },
      { size: 1.5 },
      { fileName: '' },
      { fileName: 'a\0.txt' },
      { fileName: 'dir/' },
    ]) {
      await expect(of(input)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    }
  });

  it('takes exactly the announced bytes', async () => {
    const { uploadId, path } = await create(10);
    expect(await put(path, 'x'.repeat(9))).toMatchObject({ kind: 'refused', status: 413 });
    expect(await put(path, 'x'.repeat(11))).toMatchObject({ kind: 'refused', status: 413 });
    expect(await put(path, '')).toMatchObject({ kind: 'refused', status: 413 });
    expect(await blob(uploadId)).toBeUndefined();
    await expect(ingest(uploadId)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await put(path, 'x'.repeat(10))).toEqual({ kind: 'received' });
  });

  it('takes one body, also of two at once', async () => {
    const { path } = await create(10);
    const outcomes = await Promise.all([put(path, 'a'.repeat(10)), put(path, 'b'.repeat(10))]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['received', 'refused']);
    expect(await put(path, 'c'.repeat(10))).toMatchObject({ kind: 'refused', status: 409 });
  });

  it('believes nothing but its signature', async () => {
    const { uploadId, path } = await create(10);
    const other = await create(10);
    const stranger = await harness.tenant();
    const forgeries = [
      path.replace(/signature=../, 'signature=xx'),
      path.replace(/signature=[^&]+/, 'signature='),
      path.replace(/&signature=[^&]+/, ''),
      path.replace(/expires=\d+/, 'expires=99999999999999'),
      path.replace(/expires=\d+/, 'expires=soon'),
      path.replace(tenant.scope.workspaceId, stranger.scope.workspaceId),
      path.replace(uploadId, other.uploadId),
      path.replace(uploadId, harness.ids.next('upl')),
      path.replace(uploadId, '..'),
    ];
    for (const forged of forgeries) {
      expect(forged).not.toBe(path);
      expect(await put(forged, 'x'.repeat(10))).toMatchObject({ kind: 'refused', status: 403 });
    }
    expect(await put(path, 'x'.repeat(10), 'text/html')).toMatchObject({ kind: 'refused', status: 415 });
    expect(await put(path, 'x'.repeat(10))).toEqual({ kind: 'received' });
  });

  it('expires, and is removed with its bytes if nobody ingested it', async () => {
    const [unused, received, kept] = [await create(10), await create(10), await create(10)];
    await put(received.path, 'b'.repeat(10));
    await put(kept.path, 'k'.repeat(10));
    await ingest(kept.uploadId);
    harness.clock.advance(60_001);
    expect(await put(unused.path, 'x'.repeat(10))).toMatchObject({ kind: 'refused', status: 410 });
    harness.worker.start();
    await harness.settle();
    expect(await blob(received.uploadId)).toBeUndefined();
    await expect(ingest(received.uploadId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const { items } = await harness.documents.list(tenant.owner, { first: 10 });
    expect(items.map(({ status }) => status)).toEqual(['READY']);
  });

  it('belongs to the user who made it', async () => {
    const { uploadId, path } = await create(10);
    await put(path, 'x'.repeat(10));
    const colleague = { ...tenant.owner, userId: harness.ids.next('usr') };
    const outcome = harness.documents.ingest(colleague, { source: { kind: 'upload', uploadId } });
    await expect(outcome).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is ingested once, however often that is asked', async () => {
    const { uploadId, path } = await create(10);
    await put(path, 'x'.repeat(10));
    const first = await ingest(uploadId, { idempotencyKey: 'k' });
    expect(await ingest(uploadId, { idempotencyKey: 'k' })).toEqual({ ...first, replayed: true });
    expect(await ingest(uploadId)).toMatchObject({ kind: 'ingested', duplicate: true });
    harness.worker.start();
    await harness.settle();
    expect(await ingest(uploadId)).toMatchObject({ kind: 'ingested', duplicate: true });
    expect((await harness.documents.list(tenant.owner, { first: 10 })).items).toHaveLength(1);
  });
});

describe('an upload in steps', () => {
  const address = (path: string) => {
    const url = new URL(path, 'http://server.test');
    return {
      uploadId: url.pathname.slice('/uploads/'.length),
      query: Object.fromEntries(url.searchParams),
    };
  };
  const partsOf = (uploadId: UploadId) => harness.deps.uploads.find(tenant.scope, uploadId);

  it('keeps what came of a body that broke off, and is reaped with its parts when nobody goes on', async () => {
    const { uploadId, path } = await create(20);
    async function* broken() {
      yield Buffer.from('seven b');
      throw new Error('connection reset');
    }
    expect(await harness.uploads.append({ ...address(path), offset: 0, body: broken() })).toEqual({
      kind: 'progress',
      offset: 7,
      size: 20,
    });
    const [key = ''] = (await partsOf(uploadId))?.partKeys ?? [];
    expect(Buffer.from((await harness.deps.blobs.get(tenant.scope, key)) ?? []).toString()).toBe('seven b');
    harness.clock.advance(60_001);
    harness.worker.start();
    await expect.poll(() => partsOf(uploadId)).toBeUndefined();
    await expect.poll(() => harness.deps.blobs.get(tenant.scope, key)).toBeUndefined();
  });

  it('is joined by whoever asks, if its last sender died before that', async () => {
    const { uploadId, path } = await create(4);
    const key = `upload-parts/${uploadId.toLowerCase()}/x`;
    await harness.deps.blobs.put(tenant.scope, key, Buffer.from('full'));
    await harness.deps.uploads.advance(tenant.scope, uploadId, { from: 0, byteLength: 4, partKey: key });
    expect(await harness.uploads.progress(address(path))).toEqual({ kind: 'progress', offset: 4, size: 4 });
    expect(Buffer.from((await blob(uploadId)) ?? []).toString()).toBe('full');
    expect(await partsOf(uploadId)).toMatchObject({ status: 'RECEIVED' });
    expect(await ingest(uploadId)).toMatchObject({ kind: 'ingested' });
  });

  it('two senders for one place: one is counted, and the other leaves nothing', async () => {
    const { uploadId, path } = await create(6);
    const both = await Promise.all(
      ['aaa', 'bbb'].map((text) =>
        harness.uploads.append({ ...address(path), offset: 0, body: parts(Buffer.from(text)) }),
      ),
    );
    expect(both.map(({ kind }) => kind).sort()).toEqual(['progress', 'refused']);
    expect(await partsOf(uploadId)).toMatchObject({ receivedBytes: 3, partKeys: [expect.any(String)] });
  });
});
