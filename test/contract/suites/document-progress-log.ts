import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DocumentProgress } from '../../../src/domain/document.ts';
import type { DocumentId } from '../../../src/domain/ids.ts';
import { AWKWARD_TEXT, ids } from '../../support/fixtures.ts';
import {
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  submit,
  type Tenant,
} from './relational-harness.ts';

export function describeDocumentProgressLog(name: string, make: MakeRelational): void {
  describe(`DocumentProgressLog: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    let documentId: DocumentId;
    beforeAll(async () => {
      harness = await make();
      tenant = await createTenant(harness);
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      documentId = (await submit(harness, tenant)).id;
    });

    const append = (progress: number, overrides: Partial<DocumentProgress> = {}) =>
      harness.progress.append(tenant.scope, documentId, {
        ...{ version: 1, stage: 'split', status: 'PROCESSING', progress, message: null },
        ...overrides,
      });
    const read = (after: number, limit = 100) =>
      harness.progress.read(tenant.scope, documentId, after, limit);

    it('numbers densely after the queued event and gives back what was appended', async () => {
      const first = await append(0.25, { stage: 'load', message: AWKWARD_TEXT });
      expect(first).toEqual({
        ...{ sequence: 1, version: 1, stage: 'load', status: 'PROCESSING' },
        ...{ progress: 0.25, message: AWKWARD_TEXT },
      });
      const second = await append(1, { stage: 'done', status: 'READY', version: 2 });
      expect(second.sequence).toBe(2);
      expect((await read(-1)).slice(1)).toEqual([first, second]);
      expect(await read(-1)).toHaveLength(3);
    });

    it('numbers densely when many append at once', async () => {
      const appended = await Promise.all(Array.from({ length: 20 }, (_, index) => append(index / 20)));
      const sequences = appended.map(({ sequence }) => sequence).sort((left, right) => left - right);
      expect(sequences).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
      expect((await read(0)).map(({ sequence }) => sequence)).toEqual(sequences);
    });

    it('reads after a sequence, oldest first, at most a limit', async () => {
      for (const progress of [0.1, 0.2, 0.3, 0.4]) await append(progress);
      expect((await read(1, 2)).map(({ progress }) => progress)).toEqual([0.2, 0.3]);
      expect(await read(4)).toEqual([]);
      expect(await read(99)).toEqual([]);
    });

    it('wakes whoever subscribed, after what it wakes for can be read', async () => {
      const seen = new Promise<readonly DocumentProgress[]>((resolve) => {
        void harness.progress
          .subscribe(tenant.scope, documentId, () => {
            void read(0).then((events) => {
              if (events.length > 0) resolve(events);
            });
          })
          .then(() => append(0.5));
      });
      expect(await seen).toMatchObject([{ sequence: 1, progress: 0.5 }]);
    });

    it('wakes for a new version, which another port stores', async () => {
      const externalId = ids.next('doc');
      const { id } = await submit(harness, tenant, { externalId });
      const woken = new Promise<void>((resolve) => {
        void harness.progress
          .subscribe(tenant.scope, id, resolve)
          .then(() => submit(harness, tenant, { externalId }));
      });
      await woken;
    });

    it('wakes nobody who left, or who subscribed to another document', async () => {
      const heard: string[] = [];
      const subscribe = (label: string, id: DocumentId) =>
        harness.progress.subscribe(tenant.scope, id, () => heard.push(label));
      // Never submitted: a late notification of its submission would be an allowed wake.
      const another = ids.next('doc');
      const left = await subscribe('left', documentId);
      await subscribe('another', another);
      left();
      left();
      const woken = new Promise<void>((resolve) => {
        void harness.progress.subscribe(tenant.scope, documentId, resolve).then(() => append(0.5));
      });
      await woken;
      expect(heard).toEqual([]);
    });

    it('belongs to its workspace, and goes with its document', async () => {
      const other = await createTenant(harness);
      const progress = {
        version: 1,
        stage: 'load',
        status: 'PROCESSING',
        progress: 0,
        message: null,
      } as const;
      expect(await harness.progress.read(other.scope, documentId, -1, 10)).toEqual([]);
      const foreign = harness.progress.append(other.scope, documentId, progress);
      await expect(foreign).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await read(-1)).toHaveLength(1);
      await harness.documents.remove(tenant.scope, documentId);
      await expect(append(0.5)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await read(-1)).toEqual([]);
    });
  });
}
