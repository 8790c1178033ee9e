import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UploadRecord } from '../../../src/domain/ports/documents.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT, ids, sha256 } from '../../support/fixtures.ts';
import {
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  type Tenant,
} from './relational-harness.ts';

const LIFE_MS = 60_000;
const HASH = sha256('the bytes');

export function describeUploadRepository(name: string, make: MakeRelational): void {
  describe(`UploadRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    let other: Tenant;
    beforeAll(async () => {
      harness = await make();
      tenant = await createTenant(harness);
      other = await createTenant(harness);
    });
    afterAll(() => harness.close());

    const create = async (): Promise<UploadRecord> => {
      const upload: UploadRecord = {
        ...{ id: ids.next('upl'), userId: tenant.userId, fileName: AWKWARD_TEXT, mediaType: 'text/plain' },
        ...{ size: 5_000_000_000, expiresAt: harness.clock.now() + LIFE_MS },
        ...{ status: 'CREATED', contentHash: null, receivedBytes: 0, partKeys: [] },
      };
      await harness.uploads.create(tenant.scope, upload);
      return upload;
    };
    const find = ({ id }: UploadRecord) => harness.uploads.find(tenant.scope, id);
    /** Reaps everything that is due and keeps what is the tenant's. */
    const reap = async (limit = 1_000) => {
      const reaped = await harness.uploads.reap(SYSTEM_SCOPE, harness.clock.now(), limit);
      return reaped.filter(({ scope }) => scope.workspaceId === tenant.workspaceId);
    };

    it('goes from created to received to ingested', async () => {
      const upload = await create();
      expect(await find(upload)).toEqual(upload);
      expect(await harness.uploads.receive(tenant.scope, upload.id, HASH)).toBe(true);
      expect(await find(upload)).toEqual({ ...upload, status: 'RECEIVED', contentHash: HASH });
      await harness.uploads.markIngested(tenant.scope, upload.id);
      await harness.uploads.markIngested(tenant.scope, upload.id);
      expect(await find(upload)).toEqual({ ...upload, status: 'INGESTED', contentHash: HASH });
    });

    it('is received once, however many deliver at once', async () => {
      const upload = await create();
      const received = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          harness.uploads.receive(tenant.scope, upload.id, sha256(String(index))),
        ),
      );
      expect(received.filter(Boolean)).toHaveLength(1);
      const winner = sha256(String(received.indexOf(true)));
      expect(await find(upload)).toMatchObject({ status: 'RECEIVED', contentHash: winner });
      await harness.uploads.markIngested(tenant.scope, upload.id);
      expect(await harness.uploads.receive(tenant.scope, upload.id, HASH)).toBe(false);
    });

    it('is reaped after its expiry unless it was ingested', async () => {
      const [created, received, ingested] = [await create(), await create(), await create()];
      await harness.uploads.receive(tenant.scope, received.id, HASH);
      await harness.uploads.receive(tenant.scope, ingested.id, HASH);
      await harness.uploads.markIngested(tenant.scope, ingested.id);
      expect(await reap()).toEqual([]);
      harness.clock.advance(LIFE_MS + 1);
      const fresh = await create();
      const reaped = await reap();
      expect(reaped.map(({ id }) => id).toSorted()).toEqual([created.id, received.id].toSorted());
      expect(await reap()).toEqual([]);
      expect([await find(created), await find(received)]).toEqual([undefined, undefined]);
      expect([await find(ingested), await find(fresh)]).toMatchObject([{ id: ingested.id }, fresh]);
    });

    it('is reaped at most as many at a time as asked', async () => {
      await create();
      await create();
      harness.clock.advance(LIFE_MS + 1);
      expect(await harness.uploads.reap(SYSTEM_SCOPE, harness.clock.now(), 1)).toHaveLength(1);
    });

    it('takes parts in order, each once, however many deliver at once', async () => {
      const upload = await create();
      const part = (from: number, partKey: string) =>
        harness.uploads.advance(tenant.scope, upload.id, { from, byteLength: 3_000_000_000, partKey });
      const first = await Promise.all(['a', 'b', 'c', 'd'].map((key) => part(0, key)));
      expect(first.filter(Boolean)).toHaveLength(1);
      const winner = ['a', 'b', 'c', 'd'][first.indexOf(true)];
      expect(await part(1, 'gap')).toBe(false);
      expect(await part(3_000_000_000, 'next')).toBe(true);
      expect(await find(upload)).toMatchObject({ receivedBytes: 6_000_000_000, partKeys: [winner, 'next'] });
      await harness.uploads.receive(tenant.scope, upload.id, HASH);
      expect(await part(6_000_000_000, 'late')).toBe(false);
      const stranger = { from: 0, byteLength: 1, partKey: 'x' };
      const fresh = await create();
      expect(await harness.uploads.advance(other.scope, fresh.id, stranger)).toBe(false);
      expect(await find(fresh)).toEqual(fresh);
    });

    it('is hidden from other workspaces and untouched by them', async () => {
      const upload = await create();
      expect(await harness.uploads.find(other.scope, upload.id)).toBeUndefined();
      expect(await harness.uploads.receive(other.scope, upload.id, HASH)).toBe(false);
      await harness.uploads.markIngested(other.scope, upload.id);
      expect(await find(upload)).toEqual(upload);
      expect(await harness.uploads.receive(tenant.scope, ids.next('upl'), HASH)).toBe(false);
    });
  });
}
