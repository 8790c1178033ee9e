import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AWKWARD_TEXT, ids, sha256 } from '../../support/fixtures.ts';
import {
  countKinds,
  createTenant,
  drainJobs,
  type MakeRelational,
  newClaim,
  newSubmission,
  type RelationalHarness,
  submit,
  type Tenant,
} from './relational-harness.ts';

const ERROR = { code: 'BAD_USER_INPUT', message: AWKWARD_TEXT, retryable: false };

export function describeDocumentSubmission(name: string, make: MakeRelational): void {
  describe(`DocumentRepository.submit: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    let other: Tenant;
    beforeAll(async () => {
      harness = await make();
      tenant = await createTenant(harness);
      other = await createTenant(harness);
    });
    afterAll(() => harness.close());
    const now = () => harness.clock.now();
    const find = (id: Parameters<RelationalHarness['documents']['find']>[1]) =>
      harness.documents.find(tenant.scope, id);
    const fail = (id: Parameters<typeof find>[0], version: number) =>
      harness.documents.setStatus(tenant.scope, id, { version, status: 'FAILED', error: ERROR, now: now() });

    describe('submission', () => {
      it('stores document, version, queued event and job at once', async () => {
        const submission = newSubmission(tenant, now(), {
          ...{ title: AWKWARD_TEXT, fileName: AWKWARD_TEXT, externalId: AWKWARD_TEXT },
          metadata: { tag: AWKWARD_TEXT, year: 2024, ratio: 0.5, draft: false, lists: ['a', 1, true] },
        });
        const outcome = await harness.documents.submit(tenant.scope, submission);
        const { documentId, collectionId, externalId, title, mediaType, metadata, createdBy } = submission;
        const document = {
          ...{ id: documentId, workspaceId: tenant.workspaceId, collectionId, externalId, title, mediaType },
          ...{ metadata, status: 'QUEUED', version: 1, activeVersion: 0, chunkCount: 0, error: null },
          ...{ createdBy, createdAt: now(), updatedAt: now() },
        };
        expect(outcome).toEqual({ kind: 'accepted', document });
        expect(await find(documentId)).toEqual(document);
        const { contentHash, byteLength, fileName, blobKey } = submission;
        expect(await harness.documents.findVersion(tenant.scope, documentId, 1)).toEqual({
          ...{ documentId, version: 1, mediaType, contentHash, byteLength, fileName, blobKey },
        });
        const progress = await harness.progress.read(tenant.scope, documentId, -1, 10);
        expect(progress).toEqual([
          { sequence: 0, version: 1, stage: 'queued', status: 'QUEUED', progress: 0, message: null },
        ]);
        expect(await drainJobs(harness, documentId)).toEqual([
          { kind: 'ingest', scope: tenant.scope, documentId, version: 1 },
        ]);
      });

      it('calls the same bytes in the same collection a duplicate and queues nothing', async () => {
        const first = await submit(harness, tenant, { contentHash: sha256('same') });
        await drainJobs(harness, first.id);
        const again = newSubmission(tenant, now(), { contentHash: sha256('same'), title: 'Another' });
        const outcome = await harness.documents.submit(tenant.scope, again);
        expect(outcome).toEqual({ kind: 'duplicate', document: first });
        expect(await find(again.documentId)).toBeUndefined();
        expect(await drainJobs(harness, first.id)).toEqual([]);
        expect(await harness.progress.read(tenant.scope, first.id, -1, 10)).toHaveLength(1);
      });

      it('does not look for duplicates in other collections or workspaces', async () => {
        const contentHash = sha256('everywhere');
        const collectionId = ids.next('col');
        await harness.collections.create(tenant.scope, { id: collectionId, name: 'Two', createdAt: now() });
        await submit(harness, tenant, { contentHash });
        await submit(harness, tenant, { contentHash, collectionId });
        await submit(harness, other, { contentHash });
      });

      it('makes the next version of the document with that external id', async () => {
        const externalId = ids.next('doc');
        const first = await submit(harness, tenant, { externalId, contentHash: sha256('v1') });
        await harness.documents.publish(tenant.scope, first.id, { version: 1, chunkCount: 4, now: now() });
        harness.clock.advance(10);
        const second = await submit(harness, tenant, {
          ...{ externalId, contentHash: sha256('v2'), title: 'Changed', metadata: { changed: true } },
          mediaType: 'text/markdown',
        });
        expect(second).toEqual({
          ...first,
          ...{ title: 'Changed', metadata: { changed: true }, mediaType: 'text/markdown' },
          ...{ version: 2, activeVersion: 1, chunkCount: 4, status: 'QUEUED', updatedAt: now() },
        });
        expect(await harness.documents.findVersion(tenant.scope, first.id, 1)).toMatchObject({
          contentHash: sha256('v1'),
          mediaType: 'text/plain',
        });
        const jobs = await drainJobs(harness, first.id);
        expect(jobs.map((job) => job.kind === 'ingest' && job.version)).toEqual([1, 2]);
        const progress = await harness.progress.read(tenant.scope, first.id, 0, 10);
        expect(progress).toMatchObject([{ sequence: 1, version: 2, stage: 'queued' }]);
      });

      it('lets bytes come back that a document has left behind', async () => {
        const externalId = ids.next('doc');
        const first = await submit(harness, tenant, { externalId, contentHash: sha256('a') });
        await submit(harness, tenant, { externalId, contentHash: sha256('b') });
        const third = await submit(harness, tenant, { externalId, contentHash: sha256('a') });
        expect(third).toMatchObject({ id: first.id, version: 3 });
      });

      it('keeps external ids apart by collection and workspace', async () => {
        const externalId = ids.next('doc');
        const collectionId = ids.next('col');
        await harness.collections.create(tenant.scope, { id: collectionId, name: 'Three', createdAt: now() });
        const made = [
          await submit(harness, tenant, { externalId }),
          await submit(harness, tenant, { externalId, collectionId }),
          await submit(harness, other, { externalId }),
        ];
        expect(made.map(({ version }) => version)).toEqual([1, 1, 1]);
      });

      it('takes bytes again that failed: a new version with, a new document without an external id', async () => {
        const externalId = ids.next('doc');
        const named = await submit(harness, tenant, { externalId, contentHash: sha256('broken 1') });
        const unnamed = await submit(harness, tenant, { contentHash: sha256('broken 2') });
        await fail(named.id, 1);
        await fail(unnamed.id, 1);
        const next = await submit(harness, tenant, { externalId, contentHash: sha256('broken 1') });
        expect(next).toMatchObject({ id: named.id, version: 2, status: 'QUEUED', error: null });
        const anew = await submit(harness, tenant, { contentHash: sha256('broken 2') });
        expect(anew).toMatchObject({ version: 1 });
        expect(anew.id).not.toBe(unnamed.id);
      });

      it('accepts one of many simultaneous submissions of the same bytes', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, () =>
            harness.documents.submit(
              tenant.scope,
              newSubmission(tenant, now(), { contentHash: sha256('race') }),
            ),
          ),
        );
        expect(countKinds(outcomes)).toEqual({ accepted: 1, duplicate: 19 });
      });

      it('numbers simultaneous versions of one document without a gap', async () => {
        const externalId = ids.next('doc');
        const made = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            submit(harness, tenant, { externalId, contentHash: sha256(`${externalId} ${index}`) }),
          ),
        );
        expect(new Set(made.map(({ id }) => id)).size).toBe(1);
        const versions = made.map(({ version }) => version).sort((left, right) => left - right);
        expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      });

      it('refuses a collection that this workspace does not have', async () => {
        for (const collectionId of [other.collectionId, ids.next('col')]) {
          const submission = newSubmission(tenant, now(), { collectionId });
          await expect(harness.documents.submit(tenant.scope, submission)).rejects.toMatchObject({
            code: 'NOT_FOUND',
          });
          expect(await find(submission.documentId)).toBeUndefined();
        }
      });
    });

    describe('idempotency', () => {
      const claim = () => newClaim(tenant, now(), { operation: 'ingest' });

      it('makes one document of 50 simultaneous requests with one key', async () => {
        const idempotency = claim();
        const contentHash = sha256('fifty');
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, () =>
            harness.documents.submit(
              tenant.scope,
              newSubmission(tenant, now(), { idempotency, contentHash }),
            ),
          ),
        );
        expect(countKinds(outcomes)).toEqual({ accepted: 1, replayed: 49 });
        for (const outcome of outcomes) {
          if (outcome.kind === 'replayed') expect(outcome.duplicate).toBe(false);
        }
      });

      it('replays the document as it stands now, and whether it was a duplicate then', async () => {
        const contentHash = sha256('replayed');
        const first = await submit(harness, tenant, { contentHash });
        const idempotency = claim();
        const submission = newSubmission(tenant, now(), { contentHash, idempotency });
        expect(await harness.documents.submit(tenant.scope, submission)).toMatchObject({ kind: 'duplicate' });
        await harness.documents.publish(tenant.scope, first.id, { version: 1, chunkCount: 2, now: now() });
        expect(await harness.documents.submit(tenant.scope, submission)).toEqual({
          ...{ kind: 'replayed', duplicate: true },
          document: { ...first, status: 'READY', activeVersion: 1, chunkCount: 2 },
        });
      });

      it('calls another payload under the same key a conflict and stores nothing of it', async () => {
        const idempotency = claim();
        await submit(harness, tenant, { idempotency });
        const submission = newSubmission(tenant, now(), {
          idempotency: { ...idempotency, payloadHash: sha256('another') },
        });
        expect(await harness.documents.submit(tenant.scope, submission)).toEqual({ kind: 'conflict' });
        expect(await find(submission.documentId)).toBeUndefined();
      });

      it('keeps keys apart by workspace, principal and operation, and forgets them when they expire', async () => {
        const idempotency = { ...claim(), expiresAt: now() + 1_000 };
        const first = await submit(harness, tenant, { idempotency });
        await submit(harness, other, { idempotency });
        await submit(harness, tenant, { idempotency: { ...idempotency, principalKey: ids.next('key') } });
        await submit(harness, tenant, { idempotency: { ...idempotency, operation: 'sendMessage' } });
        harness.clock.advance(1_001);
        const later = await submit(harness, tenant, {
          idempotency: { ...idempotency, expiresAt: now() + 1_000 },
        });
        expect(later.id).not.toBe(first.id);
      });

      it('stores no key for a refused submission', async () => {
        const idempotency = claim();
        const refused = newSubmission(tenant, now(), { idempotency, collectionId: ids.next('col') });
        await expect(harness.documents.submit(tenant.scope, refused)).rejects.toThrow();
        await submit(harness, tenant, { idempotency });
      });
    });
  });
}
