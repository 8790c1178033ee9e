import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import type { UploadId } from '../../../src/domain/ids.ts';
import type { FetchedUrl, UrlFetcher } from '../../../src/domain/ports/url-fetcher.ts';
import type { DocumentSource, IngestOutcome } from '../../../src/planes/services.ts';
import {
  type DataPlaneHarness,
  drain,
  openDataPlane,
  type Tenant,
  textCommand,
} from '../../support/data-plane.ts';

const pages = new Map<string, FetchedUrl | DomainError>();
const urlFetcher: UrlFetcher = {
  fetch: async (url) => {
    const page = pages.get(url) ?? new DomainError('BAD_USER_INPUT', 'The host of the URL is unknown.');
    if (page instanceof DomainError) throw page;
    return page;
  },
};

let harness: DataPlaneHarness;
let tenant: Tenant;
beforeEach(async () => {
  pages.clear();
  harness = await openDataPlane(
    { urlFetcher },
    { textBytesMax: 1000, uploadBytesMax: 2000, ingestionsPerMinute: 50 },
  );
  tenant = await harness.tenant();
});
afterEach(() => harness.worker.close());

const ingest = (source: DocumentSource, more: object = {}) =>
  harness.documents.ingest(tenant.owner, { source, ...more });
const text = (content: string, mediaType = 'text/plain'): DocumentSource => ({
  kind: 'text',
  content,
  mediaType,
});
function ingested(outcome: IngestOutcome) {
  if (outcome.kind !== 'ingested') throw new Error(`not ingested: ${JSON.stringify(outcome)}`);
  return outcome;
}
const staged = () => harness.jobs.counts({ system: true });

describe('a submitted text', () => {
  it.each([
    ['', 'text/plain', 'unsupported', /empty/],
    [' \n\u3000', 'text/plain', 'unsupported', /empty/],
    ['a\0b', 'text/plain', 'unsupported', /NUL/],
    ['\0'.repeat(500), 'text/plain', 'unsupported', /NUL/],
    ['half \ud83d', 'text/plain', 'unsupported', /surrogate/],
    ['hello', 'application/pdf', 'unsupported', /application\/pdf/],
    ['hello', 'image/png', 'unsupported', /image\/png/],
    ['x'.repeat(1001), 'text/plain', 'too-large', /1000 bytes/],
    ['ü'.repeat(501), 'text/plain', 'too-large', /1000 bytes/],
  ])('%# is refused with a type: %.10j as %s', async (content, mediaType, kind, message) => {
    expect(await ingest(text(content, mediaType))).toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
    expect(await staged()).toMatchObject({ queued: 0 });
  });

  it('may be exactly as large as allowed', async () => {
    expect((await ingest(text('ü'.repeat(500)))).kind).toBe('ingested');
  });

  it.each([
    { externalId: '' },
    { title: ' ' },
    { title: 'a\0' },
    { idempotencyKey: 'k'.repeat(201) },
    { metadata: { '': 1 } },
    { metadata: { a: { b: 1 } } },
    { metadata: { a: 'x\0' } },
    { metadata: { a: 'x'.repeat(20_000) } },
  ])('is refused with a malformed field: %.60j', async (more) => {
    await expect(ingest(text('hello'), more)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('an idempotency key', () => {
  it('gives the first document again, and refuses another payload', async () => {
    const key = { idempotencyKey: 'one' };
    const first = ingested(await ingest(text('hello'), key));
    expect(ingested(await ingest(text('hello'), key))).toMatchObject({
      duplicate: false,
      document: { id: first.document.id },
    });
    expect(await ingest(text('other'), key)).toEqual({ kind: 'conflict' });
    expect(await ingest(text('hello'), { ...key, title: 'T' })).toEqual({ kind: 'conflict' });
    expect(await staged()).toMatchObject({ queued: 1 });
  });

  it('does not mind the order of keys', async () => {
    const first = await ingest(text('hello'), { idempotencyKey: 'k', metadata: { a: 1, b: 2 } });
    expect(await ingest(text('hello'), { metadata: { b: 2, a: 1 }, idempotencyKey: 'k' })).toEqual({
      ...first,
      replayed: true,
    });
  });
});

describe('a URL', () => {
  const page = (body: string, mediaType: string, fileName: string | null): FetchedUrl => ({
    bytes: Buffer.from(body),
    mediaType,
    fileName,
  });

  it('becomes a document titled by itself', async () => {
    pages.set(
      'https://a.test/x',
      page('<title>My page</title><p>words</p>', 'text/html; charset=utf-8', 'x'),
    );
    const { document } = ingested(await ingest({ kind: 'url', url: 'https://a.test/x' }));
    expect(document).toMatchObject({ title: 'x', mediaType: 'text/html' });
    harness.worker.start();
    await harness.settle();
    expect(await harness.documents.get(tenant.owner, document.id)).toMatchObject({
      status: 'READY',
      title: 'My page',
    });
  });

  it('keeps a title that was given', async () => {
    pages.set('https://a.test/x', page('# Words', 'text/plain', 'x.md'));
    const { document } = ingested(await ingest({ kind: 'url', url: 'https://a.test/x' }, { title: 'Mine' }));
    expect(document.mediaType).toBe('text/markdown');
    harness.worker.start();
    await harness.settle();
    expect((await harness.documents.get(tenant.owner, document.id)).title).toBe('Mine');
  });

  it('is refused for what it holds', async () => {
    pages.set('https://a.test/image', page('x', 'image/png', 'image'));
    pages.set('https://a.test/empty', page('', 'text/plain', 'empty'));
    pages.set('https://a.test/large', new DomainError('LIMIT_EXCEEDED', 'too many bytes'));
    expect(await ingest({ kind: 'url', url: 'https://a.test/image' })).toMatchObject({ kind: 'unsupported' });
    expect(await ingest({ kind: 'url', url: 'https://a.test/empty' })).toMatchObject({ kind: 'unsupported' });
    expect(await ingest({ kind: 'url', url: 'https://a.test/large' })).toMatchObject({ kind: 'too-large' });
    await expect(ingest({ kind: 'url', url: 'https://unknown.test/' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  it('is refused when reading URLs is off', async () => {
    const closed = await openDataPlane();
    const { owner } = await closed.tenant();
    const outcome = await closed.documents.ingest(owner, { source: { kind: 'url', url: 'https://a.test/' } });
    expect(outcome).toMatchObject({ kind: 'unsupported' });
  });
});

describe('who may do what', () => {
  it('hides everything of a workspace from another', async () => {
    const { document } = ingested(await ingest(text('hello')));
    const stranger = (await harness.tenant()).owner;
    const { documents } = harness;
    const attempts = [
      documents.get(stranger, document.id),
      documents.text(stranger, document.id, { start: 0 }),
      documents.remove(stranger, document.id),
      documents.watch(stranger, document.id, -1),
      documents.ingest(stranger, { ...textCommand('x'), collectionId: document.collectionId }),
      documents.ingest(stranger, { source: { kind: 'upload', uploadId: harness.ids.next('upl') } }),
    ];
    for (const outcome of await Promise.allSettled(attempts)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } });
    }
    expect(await documents.findMany(stranger, [document.id])).toEqual([]);
    expect((await documents.list(stranger, { first: 10 })).items).toEqual([]);
    expect(await documents.get(tenant.owner, document.id)).toMatchObject({ id: document.id });
  });

  it('lets a viewer read and not write', async () => {
    const { document } = ingested(await ingest(text('hello')));
    const viewer = tenant.principal('VIEWER');
    expect((await harness.documents.get(viewer, document.id)).id).toBe(document.id);
    const forbidden = { code: 'FORBIDDEN' };
    await expect(harness.documents.remove(viewer, document.id)).rejects.toMatchObject(forbidden);
    await expect(harness.documents.ingest(viewer, textCommand('x'))).rejects.toMatchObject(forbidden);
    await expect(
      harness.uploads.create(viewer, { fileName: 'a.txt', mediaType: 'text/plain', size: 1 }),
    ).rejects.toMatchObject(forbidden);
  });

  it('limits how many documents come in a minute', async () => {
    for (let index = 0; index < 50; index += 1) await ingest(text(`text ${index}`));
    await expect(ingest(text('one more'))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: expect.any(Number),
    });
  });
});

describe('the text of a document', () => {
  it('is empty before it is READY, and checks its span', async () => {
    const { document } = ingested(await ingest(text('hello')));
    const read = (span: { start: number; end?: number; version?: number }) =>
      harness.documents.text(tenant.owner, document.id, span);
    expect(await read({ start: 0 })).toBe('');
    harness.worker.start();
    await harness.settle();
    expect(await read({ start: 1, end: 3 })).toBe('el');
    expect(await read({ start: 4, end: 400 })).toBe('o');
    await expect(read({ start: -1 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(read({ start: 2, end: 1 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(read({ start: 0, version: 2 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('the feed of a document', () => {
  it('goes on after any event, and is over after the last', async () => {
    const { document } = ingested(await ingest(text('hello')));
    harness.worker.start();
    const all = await drain(await harness.documents.watch(tenant.owner, document.id, -1));
    for (let after = 0; after < all.length; after += 1) {
      expect(await drain(await harness.documents.watch(tenant.owner, document.id, after))).toEqual(
        all.slice(after + 1),
      );
    }
  });

  it('goes on with a newer version', async () => {
    const { document } = ingested(await ingest(text('one'), { externalId: 'x' }));
    harness.worker.start();
    await harness.settle();
    await ingest(text('two'), { externalId: 'x' });
    const events = await drain(await harness.documents.watch(tenant.owner, document.id, -1));
    expect(events.filter(({ stage }) => stage === 'done').map(({ version }) => version)).toEqual([1, 2]);
  });

  it('ends when it is closed, and when its document is removed', async () => {
    const { document } = ingested(await ingest(text('hello')));
    const closed = await harness.documents.watch(tenant.owner, document.id, 0);
    const pending = closed.next();
    closed.close();
    expect(await pending).toBeUndefined();
    expect(await closed.next()).toBeUndefined();
    const removed = await harness.documents.watch(tenant.owner, document.id, 0);
    const waiting = removed.next();
    await harness.documents.remove(tenant.owner, document.id);
    expect(await waiting).toBeUndefined();
  });
});

describe('a collection', () => {
  it('must exist; the same bytes may be in two', async () => {
    const id = harness.ids.next('col');
    await expect(ingest(text('hello'), { collectionId: id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const first = ingested(await ingest(text('hello')));
    await harness.database.collections.set(id, { id, name: 'Other', createdAt: 0, ...tenant.scope });
    const second = ingested(await ingest(text('hello'), { collectionId: id }));
    expect(second).toMatchObject({ duplicate: false });
    expect(second.document.id).not.toBe(first.document.id);
  });

  it('has no upload that nobody made', async () => {
    const uploadId: UploadId = harness.ids.next('upl');
    await expect(ingest({ kind: 'upload', uploadId })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
