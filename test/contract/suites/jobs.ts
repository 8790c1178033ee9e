import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DocumentId } from '../../../src/domain/ids.ts';
import type { ClaimedJob } from '../../../src/domain/ports/documents.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT } from '../../support/fixtures.ts';
import {
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  submit,
  type Tenant,
} from './relational-harness.ts';

const RETRYABLE = { code: 'STORE_UNAVAILABLE', message: AWKWARD_TEXT, retryable: true };
const FINAL = { code: 'BAD_USER_INPUT', message: AWKWARD_TEXT, retryable: false };
const MANY = 1_000;

/** Each test begins on an empty queue: it first completes what others left due. */
export function describeJobQueue(name: string, make: MakeRelational): void {
  describe(`JobQueue: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    beforeAll(async () => {
      harness = await make();
      tenant = await createTenant(harness);
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      harness.clock.advance(Math.max(harness.jobPolicy.leaseMs, harness.jobPolicy.backoffMsMax) + 1);
      for (const claimed of await claim()) await harness.jobs.complete(SYSTEM_SCOPE, claimed);
    });

    const claim = (limit = MANY) => harness.jobs.claim(SYSTEM_SCOPE, limit);
    const counts = () => harness.jobs.counts(SYSTEM_SCOPE);
    const enqueue = async () => (await submit(harness, tenant)).id;
    /** Submits one document and claims its job. */
    const claimNew = async (): Promise<ClaimedJob> => {
      await enqueue();
      return only(await claim());
    };
    const status = async (documentId: DocumentId) =>
      (await harness.documents.find(tenant.scope, documentId))?.status;

    it('gives a job to its claimant with everything needed to do it', async () => {
      const documentId = await enqueue();
      expect(await claim()).toEqual([
        {
          id: expect.any(String),
          job: { kind: 'ingest', scope: tenant.scope, documentId, version: 1 },
          attempt: 1,
          stage: 'load',
          stageAttempt: 1,
        },
      ]);
      expect(await claim()).toEqual([]);
    });

    it('gives the oldest first and at most as many as asked', async () => {
      const documentIds = [await enqueue(), await enqueue(), await enqueue()];
      const claimed = [await claim(1), await claim(1), await claim(1)];
      expect(claimed.map((jobs) => only(jobs).job.documentId)).toEqual(documentIds);
    });

    it('gives every job to one of many claimants', async () => {
      const documentIds = await Promise.all(Array.from({ length: 20 }, enqueue));
      const claims = await Promise.all(Array.from({ length: 10 }, () => claim(5)));
      const rest = await claim();
      const got = [...claims.flat(), ...rest].map(({ job }) => job.documentId);
      expect(got.toSorted()).toEqual(documentIds.toSorted());
    });

    it('forgets a completed job', async () => {
      const claimed = await claimNew();
      await harness.jobs.complete(SYSTEM_SCOPE, claimed);
      await harness.jobs.complete(SYSTEM_SCOPE, claimed);
      harness.clock.advance(harness.jobPolicy.leaseMs + 1);
      expect(await claim()).toEqual([]);
      expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, claimed, 'load')).toBe(false);
    });

    describe('leases', () => {
      it('hold while the claimant beats', async () => {
        const claimed = await claimNew();
        for (let beat = 0; beat < 5; beat += 1) {
          harness.clock.advance(harness.jobPolicy.leaseMs - 1);
          expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, claimed, 'load')).toBe(true);
        }
        expect(await claim()).toEqual([]);
      });

      it('run out: the job goes to another, and the first claimant is told', async () => {
        const lost = await claimNew();
        harness.clock.advance(harness.jobPolicy.leaseMs + 1);
        const taken = only(await claim());
        expect(taken).toEqual({ ...lost, attempt: 2, stageAttempt: 2 });
        expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, lost, 'load')).toBe(false);
        expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, taken, 'load')).toBe(true);
      });

      it('once lost, a claimant can neither complete nor fail the job', async () => {
        const lost = await claimNew();
        harness.clock.advance(harness.jobPolicy.leaseMs + 1);
        const taken = only(await claim());
        const before = await counts();
        await harness.jobs.complete(SYSTEM_SCOPE, lost);
        expect(await harness.jobs.fail(SYSTEM_SCOPE, lost, { error: FINAL, stage: 'load' })).toBe('retry');
        expect(await counts()).toEqual(before);
        expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, taken, 'load')).toBe(true);
      });

      it('lost at every attempt end the job, and its document fails and says so', async () => {
        const documentId = await enqueue();
        for (let attempt = 1; attempt <= harness.jobPolicy.attemptsMax; attempt += 1) {
          const claimed = only(await claim());
          expect(claimed).toMatchObject({ attempt, stage: 'load', stageAttempt: attempt });
          harness.clock.advance(harness.jobPolicy.leaseMs + 1);
        }
        expect(await claim()).toEqual([]);
        // The queue's own clock finds it; nobody else would.
        const leave = harness.jobs.onAvailable(() => {});
        await vi.waitFor(
          async () => {
            harness.clock.advance(10_000);
            expect(await status(documentId)).toBe('FAILED');
          },
          { timeout: 10_000 },
        );
        leave();
        const news = await harness.progress.read(tenant.scope, documentId, 0, 10);
        expect(news).toMatchObject([{ sequence: 1, stage: 'failed', status: 'FAILED' }]);
        expect(await claim()).toEqual([]);
      });
    });

    describe('failures', () => {
      it('that may pass are tried again after a back-off', async () => {
        const claimed = await claimNew();
        expect(await harness.jobs.fail(SYSTEM_SCOPE, claimed, { error: RETRYABLE, stage: 'load' })).toBe(
          'retry',
        );
        expect(await claim()).toEqual([]);
        harness.clock.advance(harness.jobPolicy.backoffMsMax);
        expect(await claim()).toEqual([{ ...claimed, attempt: 2, stageAttempt: 2 }]);
      });

      it('of the last attempt are final', async () => {
        await enqueue();
        const before = await counts();
        for (let attempt = 1; attempt <= harness.jobPolicy.attemptsMax; attempt += 1) {
          const claimed = only(await claim());
          const isLast = attempt === harness.jobPolicy.attemptsMax;
          expect(claimed).toMatchObject({ attempt, stageAttempt: attempt });
          const outcome = await harness.jobs.fail(SYSTEM_SCOPE, claimed, { error: RETRYABLE, stage: 'load' });
          expect(outcome).toBe(isLast ? 'dead' : 'retry');
          harness.clock.advance(harness.jobPolicy.backoffMsMax);
        }
        expect(await claim()).toEqual([]);
        expect(await counts()).toEqual({ ...before, queued: before.queued - 1, dead: before.dead + 1 });
      });

      it('that cannot pass are final at once', async () => {
        const claimed = await claimNew();
        const before = await counts();
        expect(await harness.jobs.fail(SYSTEM_SCOPE, claimed, { error: FINAL, stage: 'load' })).toBe('dead');
        harness.clock.advance(harness.jobPolicy.backoffMsMax + harness.jobPolicy.leaseMs);
        expect(await claim()).toEqual([]);
        expect(await counts()).toEqual({ ...before, active: before.active - 1, dead: before.dead + 1 });
        expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, claimed, 'load')).toBe(false);
      });
    });

    describe('stages', () => {
      it('have attempts of their own: who got further begins to count anew', async () => {
        const first = await claimNew();
        expect(await harness.jobs.heartbeat(SYSTEM_SCOPE, first, 'embed')).toBe(true);
        harness.clock.advance(harness.jobPolicy.leaseMs + 1);
        const second = only(await claim());
        expect(second).toMatchObject({ attempt: 2, stage: 'embed', stageAttempt: 2 });
        for (let attempt = 2; attempt < harness.jobPolicy.attemptsMax; attempt += 1) {
          const claimed = attempt === 2 ? second : only(await claim());
          const failure = { error: RETRYABLE, stage: 'embed' } as const;
          expect(await harness.jobs.fail(SYSTEM_SCOPE, claimed, failure)).toBe('retry');
          harness.clock.advance(harness.jobPolicy.backoffMsMax);
        }
        const last = only(await claim());
        expect(last.stageAttempt).toBe(harness.jobPolicy.attemptsMax);
        const further = { error: RETRYABLE, stage: 'index' } as const;
        expect(await harness.jobs.fail(SYSTEM_SCOPE, last, further)).toBe('retry');
        harness.clock.advance(harness.jobPolicy.backoffMsMax);
        expect(only(await claim())).toMatchObject({ stage: 'index', stageAttempt: 2 });
      });
    });

    describe('workspaces take turns', () => {
      const ownersOf = (jobs: readonly ClaimedJob[]) => jobs.map(({ job }) => job.scope.workspaceId);

      it('so that many documents of one do not delay the few of another', async () => {
        const small = await createTenant(harness);
        for (let count = 0; count < 6; count += 1) await enqueue();
        await submit(harness, small);
        await submit(harness, small);
        const order: ClaimedJob[] = [];
        // One worker with room for one job at a time.
        for (let turn = 0; turn < 8; turn += 1) {
          const claimed = only(await claim(1));
          order.push(claimed);
          await harness.jobs.complete(SYSTEM_SCOPE, claimed);
        }
        const [one, other] = [tenant.workspaceId, small.workspaceId];
        const early = ownersOf(order).slice(0, 4);
        expect(early.filter((id) => id === other)).toHaveLength(2);
        expect(early.filter((id) => id === one)).toHaveLength(2);
        expect(ownersOf(order).slice(4)).toEqual([one, one, one, one]);
      });

      it('within one claim, too, and what is being worked on counts', async () => {
        const small = await createTenant(harness);
        for (let count = 0; count < 4; count += 1) await enqueue();
        const running = await claim(2);
        await submit(harness, small);
        await submit(harness, small);
        expect(ownersOf(running)).toEqual([tenant.workspaceId, tenant.workspaceId]);
        expect(ownersOf(await claim(2))).toEqual([small.workspaceId, small.workspaceId]);
      });
    });

    it('counts what waits, what is worked on, and what is dead', async () => {
      const before = await counts();
      await enqueue();
      await enqueue();
      expect(await counts()).toEqual({ ...before, queued: before.queued + 2 });
      await claim(1);
      expect(await counts()).toEqual({ ...before, queued: before.queued + 1, active: before.active + 1 });
    });

    it('wakes for new work, and by its own clock, until one leaves', async () => {
      let wakeCount = 0;
      const leave = harness.jobs.onAvailable(() => {
        wakeCount += 1;
      });
      await wokenBy(enqueue);
      expect(wakeCount).toBeGreaterThan(0);
      const countThen = wakeCount;
      await vi.waitFor(
        () => {
          harness.clock.advance(10_000);
          expect(wakeCount).toBeGreaterThan(countThen);
        },
        { timeout: 10_000 },
      );
      leave();
      leave();
      const countAtLeave = wakeCount;
      await wokenBy(enqueue);
      expect(wakeCount).toBe(countAtLeave);
    });

    /** Resolves when a listener that came last was woken: those before it have been woken by then, if at all. */
    async function wokenBy(action: () => Promise<unknown>): Promise<void> {
      let leave = () => {};
      const woken = new Promise<void>((resolve) => {
        leave = harness.jobs.onAvailable(resolve);
      });
      await Promise.all([woken, action()]);
      leave();
    }
  });
}

function only(claimed: readonly ClaimedJob[]): ClaimedJob {
  const [first] = claimed;
  if (first === undefined || claimed.length > 1) throw new Error(`expected one job, got ${claimed.length}`);
  return first;
}
