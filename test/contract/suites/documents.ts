import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT, ids, sha256 } from '../../support/fixtures.ts';
import {
  createTenant,
  drainJobs,
  type MakeRelational,
  newClaim,
  type RelationalHarness,
  submit,
  type Tenant,
} from './relational-harness.ts';

const ERROR = { code: 'BAD_USER_INPUT', message: AWKWARD_TEXT, retryable: false };

export function describeDocumentRepository(name: string, make: MakeRelational): void {
  describe(`DocumentRepository: ${name}`, () => {
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

    describe('list', () => {
      it('gives the newest first and neither repeats nor skips when documents come and go', async () => {
        const fresh = await createTenant(harness);
        const made = [];
        for (let index = 0; index < 7; index += 1) {
          // Pairs share a time: the id decides between them.
          if (index % 2 === 0) harness.clock.advance(5);
          made.push(await submit(harness, fresh));
        }
        const expected = made.toSorted(
          (left, right) => right.createdAt - left.createdAt || (left.id < right.id ? 1 : -1),
        );
        const seen = [];
        const first = await harness.documents.list(fresh.scope, { first: 3 });
        seen.push(...first.items);
        harness.clock.advance(5);
        await submit(harness, fresh);
        const second = await harness.documents.list(fresh.scope, { first: 2, after: seen.at(-1) });
        seen.push(...second.items);
        const third = await harness.documents.list(fresh.scope, { first: 2, after: seen.at(-1) });
        seen.push(...third.items);
        expect(seen).toEqual(expected);
        expect([first, second, third].map(({ hasNextPage }) => hasNextPage)).toEqual([true, true, false]);
      });

      it('finds many by id and leaves out what is not there', async () => {
        const made = [await submit(harness, tenant), await submit(harness, tenant)];
        const foreign = await submit(harness, other);
        const asked = [...made.map(({ id }) => id), foreign.id, ids.next('doc')];
        const found = await harness.documents.findMany(tenant.scope, asked);
        expect(found.toSorted((left, right) => (left.id < right.id ? -1 : 1))).toEqual(made);
        expect(await harness.documents.findMany(tenant.scope, [])).toEqual([]);
      });
    });

    describe('publish and setStatus', () => {
      it('makes a whole version the one readers see', async () => {
        const { id } = await submit(harness, tenant);
        harness.clock.advance(5);
        const published = { version: 1, chunkCount: 9, now: now() };
        expect(await harness.documents.publish(tenant.scope, id, published)).toBe(true);
        expect(await harness.documents.publish(tenant.scope, id, published)).toBe(true);
        expect(await find(id)).toMatchObject({
          ...{ status: 'READY', activeVersion: 1, chunkCount: 9, error: null, updatedAt: now() },
        });
      });

      it('never goes back: an older version is refused once a newer one is active', async () => {
        const externalId = ids.next('doc');
        const { id } = await submit(harness, tenant, { externalId });
        await submit(harness, tenant, { externalId });
        const publish = (version: number) =>
          harness.documents.publish(tenant.scope, id, { version, chunkCount: version, now: now() });
        expect(await publish(2)).toBe(true);
        expect(await publish(1)).toBe(false);
        expect(await find(id)).toMatchObject({ activeVersion: 2, chunkCount: 2, status: 'READY' });
        expect(await publish(3)).toBe(false);
      });

      it('leaves the status to the newest version', async () => {
        const externalId = ids.next('doc');
        const { id } = await submit(harness, tenant, { externalId });
        await submit(harness, tenant, { externalId });
        await harness.documents.publish(tenant.scope, id, { version: 1, chunkCount: 5, now: now() });
        expect(await find(id)).toMatchObject({ activeVersion: 1, chunkCount: 5, status: 'QUEUED' });
        expect(await fail(id, 1)).toBe(false);
        expect(await find(id)).toMatchObject({ status: 'QUEUED', error: null });
        expect(await fail(id, 2)).toBe(true);
        expect(await find(id)).toMatchObject({ status: 'FAILED', error: ERROR, activeVersion: 1 });
      });

      it('lets a worker begin what is queued, not what failed meanwhile', async () => {
        const { id } = await submit(harness, tenant);
        const change = { version: 1, status: 'PROCESSING', error: null, now: now() } as const;
        expect(await harness.documents.setStatus(tenant.scope, id, change)).toBe(true);
        expect(await harness.documents.setStatus(tenant.scope, id, change)).toBe(true);
        expect(await find(id)).toMatchObject({ status: 'PROCESSING', error: null });
        await fail(id, 1);
        expect(await harness.documents.setStatus(tenant.scope, id, change)).toBe(false);
        expect(await find(id)).toMatchObject({ status: 'FAILED', error: ERROR });
      });

      it('knows nothing of documents that are gone', async () => {
        const { id } = await submit(harness, tenant);
        await harness.documents.remove(tenant.scope, id);
        const published = { version: 1, chunkCount: 1, now: now() };
        expect(await harness.documents.publish(tenant.scope, id, published)).toBe(false);
        expect(await fail(id, 1)).toBe(false);
      });
    });

    describe('retry and cancel', () => {
      const claimOf = async (id: Parameters<typeof find>[0]) => {
        const claimed = await harness.jobs.claim(SYSTEM_SCOPE, 1_000);
        return claimed.find(({ job }) => job.documentId === id);
      };
      const cancel = (id: Parameters<typeof find>[0]) =>
        harness.documents.cancel(tenant.scope, id, { error: ERROR, now: now() });
      const retry = (id: Parameters<typeof find>[0], fromStage?: 'load' | 'split' | 'verify') =>
        harness.documents.retry(tenant.scope, id, { fromStage, now: now() });
      const tell = (id: Parameters<typeof find>[0], stage: 'embed' | 'index') =>
        harness.progress.append(tenant.scope, id, {
          ...{ version: 1, stage, status: 'PROCESSING', progress: 0.5, message: null },
        });

      it('cancelling ends the work, tells its claimant and the watchers', async () => {
        const { id } = await submit(harness, tenant);
        const claimed = await claimOf(id);
        await tell(id, 'embed');
        expect(await cancel(id)).toMatchObject({
          kind: 'changed',
          document: { status: 'FAILED', error: ERROR },
        });
        expect(await find(id)).toMatchObject({ status: 'FAILED', error: ERROR });
        if (claimed === undefined) throw new Error('nothing was claimed');
        expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, claimed, 'embed')).toBe(false);
        harness.clock.advance(harness.jobPolicy.leaseMs + 1);
        expect(await claimOf(id)).toBeUndefined();
        expect((await harness.progress.read(tenant.scope, id, -1, 10)).map(({ stage }) => stage)).toEqual([
          ...['queued', 'embed', 'failed'],
        ]);
        expect(await cancel(id)).toMatchObject({ kind: 'refused', document: { id } });
      });

      it('nothing can be cancelled whose chunks are becoming visible, or are', async () => {
        const { id } = await submit(harness, tenant);
        await tell(id, 'index');
        expect(await cancel(id)).toMatchObject({ kind: 'refused', document: { status: 'QUEUED' } });
        await harness.documents.publish(tenant.scope, id, { version: 1, chunkCount: 1, now: now() });
        expect(await cancel(id)).toMatchObject({ kind: 'refused', document: { status: 'READY' } });
      });

      it('a retry goes on at the stage where it died, with all attempts, or at an earlier one', async () => {
        const { id } = await submit(harness, tenant);
        const first = await claimOf(id);
        if (first === undefined) throw new Error('nothing was claimed');
        await harness.jobs.fail(SYSTEM_SCOPE, first, { error: ERROR, stage: 'embed' });
        await fail(id, 1);
        const before = await harness.jobs.counts(SYSTEM_SCOPE);
        expect(await retry(id, 'verify')).toMatchObject({
          kind: 'changed',
          document: { status: 'QUEUED', error: null },
        });
        const { queued, active, dead } = before;
        expect(await harness.jobs.counts(SYSTEM_SCOPE)).toEqual({
          queued: queued + 1,
          active,
          dead: dead - 1,
        });
        expect(await retry(id)).toMatchObject({ kind: 'refused' });
        expect(await claimOf(id)).toMatchObject({ attempt: 2, stage: 'embed', stageAttempt: 1 });
        await cancel(id);
        expect(await retry(id, 'split')).toMatchObject({ kind: 'changed' });
        expect(await claimOf(id)).toMatchObject({ attempt: 3, stage: 'split', stageAttempt: 1 });
      });

      it('a retry makes a new job when the old one is gone', async () => {
        const { id } = await submit(harness, tenant);
        await drainJobs(harness, id);
        await fail(id, 1);
        expect(await retry(id)).toMatchObject({ kind: 'changed' });
        expect(await claimOf(id)).toMatchObject({ attempt: 1, stage: 'load' });
      });

      it('other workspaces can do neither', async () => {
        const other = await createTenant(harness);
        const { id } = await submit(harness, tenant);
        const cancellation = { error: ERROR, now: now() };
        expect(await harness.documents.cancel(other.scope, id, cancellation)).toBeUndefined();
        await fail(id, 1);
        expect(await harness.documents.retry(other.scope, id, { now: now() })).toBeUndefined();
        expect(await find(id)).toMatchObject({ status: 'FAILED' });
      });
    });

    describe('remove', () => {
      it('takes the document from readers at once and queues its purge', async () => {
        const idempotency = newClaim(tenant, now(), { operation: 'ingest' });
        const externalId = ids.next('doc');
        const contentHash = sha256('to be removed');
        const { id } = await submit(harness, tenant, { externalId, contentHash, idempotency });
        await drainJobs(harness, id);
        expect(await harness.documents.remove(tenant.scope, id)).toBe(true);
        expect(await find(id)).toBeUndefined();
        expect(await harness.documents.findMany(tenant.scope, [id])).toEqual([]);
        expect(await harness.documents.findVersion(tenant.scope, id, 1)).toBeUndefined();
        expect(await harness.progress.read(tenant.scope, id, -1, 10)).toEqual([]);
        const page = await harness.documents.list(tenant.scope, { first: 1_000 });
        expect(page.items.map((document) => document.id)).not.toContain(id);
        expect(await drainJobs(harness, id)).toEqual([
          { kind: 'purge', scope: tenant.scope, documentId: id },
        ]);
        expect(await harness.documents.remove(tenant.scope, id)).toBe(false);
        expect(await drainJobs(harness, id)).toEqual([]);
        // Bytes, external id and idempotency key are free again.
        await submit(harness, tenant, { externalId, contentHash, idempotency });
      });

      it('drops the ingestion that nobody began', async () => {
        const { id } = await submit(harness, tenant);
        await harness.documents.remove(tenant.scope, id);
        const jobs = await drainJobs(harness, id);
        expect(jobs.map(({ kind }) => kind)).toEqual(['purge']);
      });
    });

    it('shows and gives nothing to another workspace', async () => {
      const document = await submit(harness, tenant);
      const { id } = document;
      const { documents } = harness;
      expect(await documents.find(other.scope, id)).toBeUndefined();
      expect(await documents.findMany(other.scope, [id])).toEqual([]);
      expect(await documents.findVersion(other.scope, id, 1)).toBeUndefined();
      const page = await documents.list(other.scope, { first: 1_000 });
      expect(page.items.map((item) => item.id)).not.toContain(id);
      const published = { version: 1, chunkCount: 1, now: now() };
      expect(await documents.publish(other.scope, id, published)).toBe(false);
      const change = { version: 1, status: 'FAILED', error: ERROR, now: now() } as const;
      expect(await documents.setStatus(other.scope, id, change)).toBe(false);
      expect(await documents.remove(other.scope, id)).toBe(false);
      expect(await find(id)).toEqual(document);
    });
  });
}
