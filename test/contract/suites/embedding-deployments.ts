import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NO_COST, NO_SHADOW } from '../../../src/domain/embedding-deployment.ts';
import type { EmbeddingDeploymentId } from '../../../src/domain/ids.ts';
import type {
  ClaimedDeployment,
  DeploymentReport,
  NewDeployment,
} from '../../../src/domain/ports/embedding-deployments.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT, ids } from '../../support/fixtures.ts';
import {
  countKinds,
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  type Tenant,
} from './relational-harness.ts';

const LEASE_MS = 30_000;
const SOAK_MS = 60_000;
const GRACE_MS = 5_000;
const ERROR = { code: 'STORE_UNAVAILABLE', message: AWKWARD_TEXT, retryable: true };

/** Each test begins with nothing to do: it first finishes what others left. */
export function describeEmbeddingDeployments(name: string, make: MakeRelational): void {
  describe(`EmbeddingDeploymentRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      tenant = await createTenant(harness);
      harness.clock.advance(10 * LEASE_MS);
      await harness.deployments.expire(SYSTEM_SCOPE, {
        now: harness.clock.now(),
        dueAt: harness.clock.now(),
      });
      for (let next = await claim(); next !== undefined; next = await claim()) {
        if (!(await report(next, { kind: 'whole' }))) await report(next, { kind: 'reclaimed' });
      }
    });

    const now = () => harness.clock.now();
    const wanted = (model: string, overrides: Partial<NewDeployment> = {}): NewDeployment => ({
      id: ids.next('dep'),
      collectionId: tenant.collectionId,
      embedder: model,
      model: { modelId: model, dimensions: 16 },
      gate: { queryCountMin: 20, recallMin: 0.5 },
      incumbent: { id: ids.next('dep'), embedder: 'standard', model: { modelId: 'standard', dimensions: 8 } },
      createdBy: tenant.userId,
      now: now(),
      ...overrides,
    });
    const create = async (model = 'new', overrides: Partial<NewDeployment> = {}) => {
      const outcome = await harness.deployments.create(tenant.scope, wanted(model, overrides));
      if (outcome.kind !== 'created') throw new Error(`expected a new deployment, got ${outcome.kind}`);
      return outcome.deployment.id;
    };
    const claim = () => harness.deployments.claim(SYSTEM_SCOPE, { now: now(), until: now() + LEASE_MS });
    const report = (claimed: ClaimedDeployment, told: DeploymentReport) =>
      harness.deployments.report(SYSTEM_SCOPE, claimed, { ...told, now: now() });
    /** Until nothing of the tenant has anything left to do. */
    const buildAll = async () => {
      for (let next = await claim(); next !== undefined; next = await claim()) {
        expect(await report(next, { kind: 'whole' })).toBe(true);
      }
    };
    const built = async (model = 'new') => {
      const id = await create(model);
      await buildAll();
      return id;
    };
    const promote = (id: EmbeddingDeploymentId, force = false) =>
      harness.deployments.promote(tenant.scope, id, { force, now: now(), retireAt: now() + SOAK_MS });
    const rollBack = (id: EmbeddingDeploymentId) =>
      harness.deployments.rollBack(tenant.scope, id, { now: now(), retireAt: now() + SOAK_MS });
    const setCanary = (id: EmbeddingDeploymentId, percent: number) =>
      harness.deployments.setCanary(tenant.scope, id, { percent, now: now() });
    const retire = (id: EmbeddingDeploymentId) =>
      harness.deployments.retire(tenant.scope, id, { now: now(), dueAt: now() + GRACE_MS });
    const find = (id: EmbeddingDeploymentId) => harness.deployments.find(tenant.scope, id);
    const state = async (id: EmbeddingDeploymentId) => (await find(id))?.state;
    /** `model STATE`, oldest first. */
    const states = async () =>
      (await harness.deployments.list(tenant.scope, tenant.collectionId, 100))
        .map(({ embedder, state: is }) => `${embedder} ${is}`)
        .toReversed();

    describe('create', () => {
      it('makes the first of a collection beside what it reads from already', async () => {
        const outcome = await harness.deployments.create(tenant.scope, wanted('new'));
        expect(outcome.kind).toBe('created');
        const [candidate, incumbent] = await harness.deployments.list(tenant.scope, tenant.collectionId, 100);
        expect(candidate).toEqual({
          ...{ id: expect.any(String), workspaceId: tenant.workspaceId, collectionId: tenant.collectionId },
          ...{ version: 2, embedder: 'new', model: { modelId: 'new', dimensions: 16 }, state: 'BUILDING' },
          ...{ canaryPercent: 0, whole: false, progress: { chunkCount: 0, embeddedCount: 0 } },
          ...{ cost: NO_COST, shadow: NO_SHADOW, gate: { queryCountMin: 20, recallMin: 0.5 }, error: null },
          ...{ createdBy: tenant.userId, createdAt: now(), updatedAt: now() },
          ...{ promotedAt: null, demotedAt: null, retireAt: null },
        });
        expect(incumbent).toMatchObject({
          version: 1,
          state: 'ACTIVE',
          embedder: 'standard',
          promotedAt: now(),
        });
        expect(await harness.deployments.listLive(tenant.scope)).toEqual([incumbent, candidate]);
        expect(await find(candidate?.id as EmbeddingDeploymentId)).toEqual(candidate);
      });

      it('makes one of a model, however many ask at once', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, () => harness.deployments.create(tenant.scope, wanted('new'))),
        );
        expect(countKinds(outcomes)).toEqual({ created: 1, exists: 7 });
        expect(await states()).toEqual(['standard ACTIVE', 'new BUILDING']);
      });

      it('keeps a bounded number, and says of the model in use that it exists', async () => {
        for (const model of ['a', 'b', 'c']) await create(model);
        expect((await harness.deployments.create(tenant.scope, wanted('d'))).kind).toBe('too-many');
        const own = { model: { modelId: 'standard', dimensions: 8 } };
        expect((await harness.deployments.create(tenant.scope, wanted('standard', own))).kind).toBe('exists');
      });

      it('goes on with one that failed', async () => {
        const id = await create();
        await finishIncumbent();
        const claimed = (await claim()) as ClaimedDeployment;
        await report(claimed, { kind: 'failed', error: ERROR, final: true, dueAt: now() });
        expect(await find(id)).toMatchObject({ state: 'FAILED', error: ERROR });
        expect(await claim()).toBeUndefined();
        const outcome = await harness.deployments.create(tenant.scope, wanted('new'));
        expect(outcome).toMatchObject({
          kind: 'resumed',
          deployment: { id, state: 'BUILDING', error: null },
        });
        expect(await claim()).toMatchObject({ id });
      });

      it('is refused in a collection that is not there, or another tenant’s', async () => {
        const stranger = await createTenant(harness);
        await expect(harness.deployments.create(stranger.scope, wanted('new'))).rejects.toMatchObject({
          code: 'NOT_FOUND',
        });
        expect(await states()).toEqual([]);
      });
    });

    /** The incumbent is looked over as well; here it has nothing to do with the test. */
    async function finishIncumbent(): Promise<void> {
      const claimed = [(await claim()) as ClaimedDeployment, (await claim()) as ClaimedDeployment];
      for (const each of claimed) {
        if (each.state === 'ACTIVE') await report(each, { kind: 'whole' });
        else await report(each, { ...progressOf(0), dueAt: now() });
      }
    }
    const progressOf = (embeddedCount: number) => ({
      kind: 'progress' as const,
      progress: { chunkCount: 10, embeddedCount },
      cost: { textCount: 1, characterCount: 100, embedMs: 2.5 },
    });

    describe('work', () => {
      it('is taken by one claimant, kept by its reports, and taken over when it falls silent', async () => {
        const id = await create();
        await finishIncumbent();
        const first = (await claim()) as ClaimedDeployment;
        expect(first.id).toBe(id);
        expect(await claim()).toBeUndefined();
        harness.clock.advance(LEASE_MS - 1);
        expect(await report(first, { ...progressOf(4), dueAt: now() + LEASE_MS })).toBe(true);
        harness.clock.advance(LEASE_MS - 1);
        expect(await claim()).toBeUndefined();
        harness.clock.advance(1);
        const second = (await claim()) as ClaimedDeployment;
        expect(second).toMatchObject({ id, progress: { chunkCount: 10, embeddedCount: 4 } });
        expect(await report(first, progressLost())).toBe(false);
        expect(await report(first, { kind: 'whole' })).toBe(false);
        expect(await report(second, { kind: 'whole' })).toBe(true);
        expect(await find(id)).toMatchObject({ state: 'SHADOW', whole: true });
        expect(await claim()).toBeUndefined();
      });
      const progressLost = (): DeploymentReport => ({ ...progressOf(9), dueAt: now() + LEASE_MS });

      it('adds its cost up', async () => {
        const id = await create();
        await finishIncumbent();
        const claimed = (await claim()) as ClaimedDeployment;
        const before = (await find(id))?.cost.textCount ?? 0;
        await report(claimed, { ...progressOf(1), dueAt: now() });
        await report(claimed, { ...progressOf(2), dueAt: now() });
        const cost = (await find(id))?.cost;
        expect(cost).toEqual({
          textCount: before + 2,
          characterCount: (before + 2) * 100,
          embedMs: (before + 2) * 2.5,
        });
      });

      it('goes round: who has had a turn waits for the others', async () => {
        const other = await createTenant(harness);
        await create();
        await harness.deployments.create(other.scope, {
          ...wanted('new'),
          collectionId: other.collectionId,
          createdBy: other.userId,
        });
        const turns: string[] = [];
        for (let turn = 0; turn < 8; turn += 1) {
          harness.clock.advance(1);
          const claimed = (await claim()) as ClaimedDeployment;
          turns.push(claimed.id);
          await report(claimed, { ...progressOf(turn), dueAt: now() });
        }
        expect(new Set(turns.slice(0, 4)).size).toBe(4);
        expect(turns.slice(4)).toEqual(turns.slice(0, 4));
      });

      it('is not whole when something was missed since the claim, and is done again', async () => {
        const id = await built();
        await harness.deployments.noteGap(tenant.scope, id, now());
        expect(await find(id)).toMatchObject({ state: 'SHADOW', whole: false });
        const claimed = (await claim()) as ClaimedDeployment;
        await harness.deployments.noteGap(tenant.scope, id, now());
        expect(await claim()).toBeUndefined();
        expect(await report(claimed, { kind: 'whole' })).toBe(false);
        await report(claimed, { ...progressOf(1), dueAt: now() });
        const again = (await claim()) as ClaimedDeployment;
        expect(await report(again, { kind: 'whole' })).toBe(true);
        expect(await find(id)).toMatchObject({ state: 'SHADOW', whole: true });
      });

      it('that fails waits, and only a build can fail for good', async () => {
        const id = await built();
        await harness.deployments.noteGap(tenant.scope, id, now());
        const claimed = (await claim()) as ClaimedDeployment;
        await report(claimed, { kind: 'failed', error: ERROR, final: true, dueAt: now() + 1_000 });
        expect(await find(id)).toMatchObject({ state: 'SHADOW', whole: false, error: ERROR });
        expect(await claim()).toBeUndefined();
        harness.clock.advance(1_000);
        expect(await claim()).toMatchObject({ id, failureCount: 1 });
      });

      it('of a worker that is known to be dead can be had at once', async () => {
        await create();
        await finishIncumbent();
        const lost = (await claim()) as ClaimedDeployment;
        await harness.deployments.recoverClaims(SYSTEM_SCOPE, now());
        const taken = (await claim()) as ClaimedDeployment;
        expect(taken.id).toBe(lost.id);
        expect(await report(lost, { kind: 'whole' })).toBe(false);
      });
    });

    describe('transitions', () => {
      it('go through shadow, canary, promotion, roll-back and promotion again', async () => {
        const id = await built();
        expect(await setCanary(id, 25)).toMatchObject({
          kind: 'changed',
          deployment: { state: 'CANARY', canaryPercent: 25 },
        });
        expect(await promote(id)).toMatchObject({
          kind: 'changed',
          deployment: { state: 'ACTIVE', canaryPercent: 0, promotedAt: now(), retireAt: null },
        });
        expect(await states()).toEqual(['standard SOAKING', 'new ACTIVE']);
        const [, soaking] = await harness.deployments.list(tenant.scope, tenant.collectionId, 100);
        expect(soaking).toMatchObject({ demotedAt: now(), retireAt: now() + SOAK_MS });
        expect(await rollBack(id)).toMatchObject({ kind: 'changed', deployment: { state: 'ROLLED_BACK' } });
        expect(await states()).toEqual(['standard ACTIVE', 'new ROLLED_BACK']);
        expect(await promote(id)).toMatchObject({ kind: 'changed' });
        expect(await states()).toEqual(['standard SOAKING', 'new ACTIVE']);
      });

      it('are refused where the state does not allow them, and change nothing then', async () => {
        const id = await create();
        expect(await promote(id)).toMatchObject({ kind: 'refused', deployment: { state: 'BUILDING' } });
        expect(await setCanary(id, 10)).toMatchObject({ kind: 'refused' });
        expect(await rollBack(id)).toMatchObject({ kind: 'refused' });
        await buildAll();
        const [, incumbent] = await harness.deployments.list(tenant.scope, tenant.collectionId, 100);
        const active = incumbent?.id as EmbeddingDeploymentId;
        expect(await rollBack(active)).toMatchObject({ kind: 'refused' });
        expect(await promote(active)).toMatchObject({ kind: 'refused' });
        expect(await retire(active)).toMatchObject({ kind: 'refused' });
        await harness.deployments.noteGap(tenant.scope, id, now());
        expect(await promote(id)).toMatchObject({ kind: 'refused', deployment: { whole: false } });
        expect(await states()).toEqual(['standard ACTIVE', 'new SHADOW']);
      });

      it('can be forced before the build is whole, and the build goes on', async () => {
        const id = await create();
        expect(await promote(id, true)).toMatchObject({ kind: 'changed' });
        expect(await states()).toEqual(['standard SOAKING', 'new ACTIVE']);
        await buildAll();
        expect(await find(id)).toMatchObject({ state: 'ACTIVE', whole: true });
      });

      it('of two administrators at once leave one active deployment', async () => {
        const [a, b] = [await create('a'), await create('b')];
        await buildAll();
        const outcomes = await Promise.all([a, b, a, b].map((id) => promote(id)));
        expect(outcomes.filter((one) => one?.kind === 'changed').length).toBeGreaterThanOrEqual(2);
        const after = await states();
        expect(after.filter((one) => one.endsWith(' ACTIVE'))).toHaveLength(1);
        const back = await Promise.all([a, b].flatMap((id) => [rollBack(id), rollBack(id)]));
        expect(back.some((one) => one?.kind === 'changed')).toBe(true);
        expect((await states()).filter((one) => one.endsWith(' ACTIVE'))).toHaveLength(1);
      });

      it('allow one canary in a collection', async () => {
        const [a, b] = [await create('a'), await create('b')];
        await buildAll();
        const outcomes = await Promise.all([setCanary(a, 10), setCanary(b, 10)]);
        expect(countKinds(outcomes.map((one) => ({ kind: one?.kind ?? 'none' })))).toEqual({
          changed: 1,
          refused: 1,
        });
        const canary = (await state(a)) === 'CANARY' ? a : b;
        expect(await setCanary(canary, 0)).toMatchObject({
          deployment: { state: 'SHADOW', canaryPercent: 0 },
        });
      });
    });

    describe('the end', () => {
      it('comes after the soak, to the one that was left and to the one that was rolled back', async () => {
        const [a, b] = [await create('a'), await create('b')];
        await buildAll();
        await promote(a);
        await promote(b);
        await rollBack(b);
        expect(await states()).toEqual(['standard SOAKING', 'a ACTIVE', 'b ROLLED_BACK']);
        const expire = () =>
          harness.deployments.expire(SYSTEM_SCOPE, { now: now(), dueAt: now() + GRACE_MS });
        harness.clock.advance(SOAK_MS - 1);
        expect(await expire()).toBe(0);
        harness.clock.advance(1);
        expect(await expire()).toBe(2);
        expect(await states()).toEqual(['standard RECLAIMING', 'a ACTIVE', 'b RECLAIMING']);
        expect(await rollBack(a)).toMatchObject({ kind: 'refused' });
        expect(await claim()).toBeUndefined();
        harness.clock.advance(GRACE_MS);
        for (const _ of [1, 2])
          expect(await report((await claim()) as ClaimedDeployment, { kind: 'reclaimed' })).toBe(true);
        expect(await states()).toEqual(['standard RECLAIMED', 'a ACTIVE', 'b RECLAIMED']);
        expect((await harness.deployments.listLive(tenant.scope)).map(({ embedder }) => embedder)).toEqual([
          'a',
        ]);
        expect(await create('standard', { model: { modelId: 'standard', dimensions: 8 } })).toEqual(
          expect.any(String),
        );
      });

      it('can be asked for, and voids the work of who still builds', async () => {
        const id = await create();
        await finishIncumbent();
        const builder = (await claim()) as ClaimedDeployment;
        expect(await retire(id)).toMatchObject({ kind: 'changed', deployment: { state: 'RECLAIMING' } });
        expect(await retire(id)).toMatchObject({ kind: 'refused' });
        expect(await report(builder, { ...progressOf(3), dueAt: now() })).toBe(false);
        expect(await report(builder, { kind: 'whole' })).toBe(false);
        harness.clock.advance(GRACE_MS);
        const reclaimer = (await claim()) as ClaimedDeployment;
        expect(await report(reclaimer, { kind: 'whole' })).toBe(false);
        expect(await report(reclaimer, { kind: 'reclaimed' })).toBe(true);
        expect(await state(id)).toBe('RECLAIMED');
      });
    });

    it('adds shadow queries up while there is somebody to shadow', async () => {
      const id = await create();
      const totals = {
        queryCount: 2,
        failureCount: 1,
        recallSum: 1.25,
        ndcgSum: 1.5,
        activeMs: 3.5,
        candidateMs: 7,
      };
      await harness.deployments.addShadow(tenant.scope, id, totals);
      expect((await find(id))?.shadow).toEqual(NO_SHADOW);
      await buildAll();
      await Promise.all([1, 2, 3].map(() => harness.deployments.addShadow(tenant.scope, id, totals)));
      expect((await find(id))?.shadow).toEqual({
        ...{ queryCount: 6, failureCount: 3, recallSum: 3.75, ndcgSum: 4.5, activeMs: 10.5, candidateMs: 21 },
      });
    });

    it('shows and changes nothing across workspaces', async () => {
      const id = await built();
      const { scope } = await createTenant(harness);
      const { deployments } = harness;
      expect(await deployments.find(scope, id)).toBeUndefined();
      expect(await deployments.list(scope, tenant.collectionId, 10)).toEqual([]);
      expect(await deployments.listLive(scope)).toEqual([]);
      expect(await deployments.setCanary(scope, id, { percent: 5, now: now() })).toBeUndefined();
      expect(
        await deployments.promote(scope, id, { force: true, now: now(), retireAt: now() }),
      ).toBeUndefined();
      expect(await deployments.rollBack(scope, id, { now: now(), retireAt: now() })).toBeUndefined();
      expect(await deployments.retire(scope, id, { now: now(), dueAt: now() })).toBeUndefined();
      await deployments.addShadow(scope, id, { ...NO_SHADOW, queryCount: 1 });
      await deployments.noteGap(scope, id, now());
      expect(await find(id)).toMatchObject({ state: 'SHADOW', whole: true, shadow: NO_SHADOW });
    });
  });
}
