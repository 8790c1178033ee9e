import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT, ids, sha256 } from '../../support/fixtures.ts';
import {
  countKinds,
  createTenant,
  createUser,
  type MakeRelational,
  newClaim,
  newRun,
  newSettlement,
  type RelationalHarness,
  start,
  type Tenant,
} from './relational-harness.ts';

const ERROR = { code: 'MODEL_FAILED', message: AWKWARD_TEXT, retryable: true };

export function describeRunRepository(name: string, make: MakeRelational): void {
  describe(`RunRepository: ${name}`, () => {
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

    describe('begin', () => {
      it('stores the run with its lease, at generation 1, and a new conversation', async () => {
        const request = newRun(tenant, now(), {
          question: AWKWARD_TEXT,
          collectionIds: [tenant.collectionId],
          conversation: { kind: 'new', id: ids.next('cnv'), title: AWKWARD_TEXT },
        });
        const outcome = await harness.runs.begin(tenant.scope, request);
        if (outcome.kind !== 'started') throw new Error(outcome.kind);
        const { run, conversation } = outcome;
        expect(run).toEqual({
          id: request.runId,
          workspaceId: tenant.workspaceId,
          conversationId: request.conversation.id,
          userId: tenant.userId,
          userMessageId: request.userMessageId,
          position: 0,
          status: run.status,
          generation: 1,
          leaseOwner: 'node-a',
          leaseUntil: now() + 10_000,
          stopRequested: false,
          question: AWKWARD_TEXT,
          collectionIds: [tenant.collectionId],
          finishReason: null,
          usage: null,
          error: null,
          createdAt: now(),
        });
        expect(['QUEUED', 'RUNNING']).toContain(run.status);
        expect(conversation).toEqual({
          id: request.conversation.id,
          workspaceId: tenant.workspaceId,
          userId: tenant.userId,
          title: AWKWARD_TEXT,
          createdAt: now(),
          updatedAt: now(),
        });
        expect(await harness.runs.find(tenant.scope, run.id)).toEqual(run);
        const found = await harness.conversations.find(tenant.scope, tenant.userId, conversation.id);
        expect(found).toEqual(conversation);
      });

      it('continues a conversation two positions further and moves its latest activity', async () => {
        const first = await start(harness, tenant);
        harness.clock.advance(1_000);
        const conversation = { kind: 'existing', id: first.conversationId } as const;
        const outcome = await harness.runs.begin(tenant.scope, newRun(tenant, now(), { conversation }));
        expect(outcome).toMatchObject({ kind: 'started', run: { position: 2 } });
        expect(outcome).toMatchObject({ conversation: { title: 'A title', updatedAt: now() } });
      });

      it('gives parallel messages of one conversation different positions', async () => {
        const { conversationId } = await start(harness, tenant);
        const conversation = { kind: 'existing', id: conversationId } as const;
        const begun = await Promise.all(
          Array.from({ length: 10 }, () => start(harness, tenant, { conversation })),
        );
        const positions = begun.map(({ position }) => position).sort((left, right) => left - right);
        expect(positions).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
      });

      it('does not find conversations that are unknown, of another workspace or of another user', async () => {
        const { conversationId } = await start(harness, tenant);
        const stranger = await createUser(harness);
        const before = await harness.ledger.quota(tenant.scope, now());
        for (const [asker, id] of [
          [tenant, ids.next('cnv')],
          [{ ...other, userId: tenant.userId }, conversationId],
          [{ ...tenant, userId: stranger }, conversationId],
        ] as const) {
          const request = newRun(asker, now(), { conversation: { kind: 'existing', id } });
          expect(await harness.runs.begin(asker.scope, request)).toEqual({ kind: 'conversation-not-found' });
          expect(await harness.runs.find(asker.scope, request.runId)).toBeUndefined();
        }
        expect(await harness.ledger.quota(tenant.scope, now())).toEqual(before);
      });
    });

    describe('idempotency', () => {
      it('makes one run of 50 simultaneous requests with one key', async () => {
        const idempotency = newClaim(tenant, now());
        const before = await harness.ledger.quota(tenant.scope, now());
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, () =>
            harness.runs.begin(tenant.scope, newRun(tenant, now(), { idempotency })),
          ),
        );
        expect(countKinds(outcomes)).toEqual({ started: 1, replayed: 49 });
        const runIds = outcomes.map((outcome) => ('run' in outcome ? outcome.run.id : undefined));
        expect(new Set(runIds).size).toBe(1);
        const after = await harness.ledger.quota(tenant.scope, now());
        expect(after.reservedMicros - before.reservedMicros).toBe(100);
      });

      it('replays the run as it stands now', async () => {
        const idempotency = newClaim(tenant, now());
        const run = await start(harness, tenant, { idempotency });
        await harness.runs.settle(tenant.scope, newSettlement(run, now()));
        const again = await harness.runs.begin(tenant.scope, newRun(tenant, now(), { idempotency }));
        expect(again).toMatchObject({ kind: 'replayed', run: { id: run.id, status: 'COMPLETED' } });
        expect(again).toMatchObject({ conversation: { id: run.conversationId } });
      });

      it('calls another payload under the same key a conflict and stores nothing of it', async () => {
        const idempotency = newClaim(tenant, now());
        await start(harness, tenant, { idempotency });
        const request = newRun(tenant, now(), {
          idempotency: { ...idempotency, payloadHash: sha256('another') },
        });
        expect(await harness.runs.begin(tenant.scope, request)).toEqual({ kind: 'conflict' });
        expect(await harness.runs.find(tenant.scope, request.runId)).toBeUndefined();
      });

      it('keeps keys apart by workspace and by principal', async () => {
        const idempotency = newClaim(tenant, now());
        await start(harness, tenant, { idempotency });
        await start(harness, other, { idempotency });
        await start(harness, tenant, { idempotency: { ...idempotency, principalKey: ids.next('key') } });
      });

      it('forgets a key after its expiry', async () => {
        const idempotency = newClaim(tenant, now(), { expiresAt: now() + 1_000 });
        const first = await start(harness, tenant, { idempotency });
        harness.clock.advance(1_001);
        const renewed = { ...idempotency, expiresAt: now() + 60_000 };
        const second = await start(harness, tenant, { idempotency: renewed });
        expect(second.id).not.toBe(first.id);
        const third = await harness.runs.begin(tenant.scope, newRun(tenant, now(), { idempotency: renewed }));
        expect(third).toMatchObject({ kind: 'replayed', run: { id: second.id } });
      });

      it('stores no key for a refused request: the next attempt may succeed', async () => {
        const poor = await createTenant(harness, 99);
        const idempotency = newClaim(poor, now());
        const request = newRun(poor, now(), { idempotency });
        expect(await harness.runs.begin(poor.scope, request)).toEqual({ kind: 'quota-exceeded' });
        await harness.ledger.setQuotaLimit(poor.scope, 100);
        await start(harness, poor, { idempotency });
      });
    });

    describe('quota', () => {
      it('is never passed by racing requests, and refuses without a trace', async () => {
        const poor = await createTenant(harness, 1_000);
        const requests = Array.from({ length: 30 }, () => newRun(poor, now()));
        const outcomes = await Promise.all(
          requests.map((request) => harness.runs.begin(poor.scope, request)),
        );
        expect(countKinds(outcomes)).toEqual({ started: 10, 'quota-exceeded': 20 });
        const quota = await harness.ledger.quota(poor.scope, now());
        expect(quota).toMatchObject({ limitMicros: 1_000, usedMicros: 0, reservedMicros: 1_000 });
        const page = await harness.conversations.list(poor.scope, poor.userId, { first: 50 });
        expect(page.items).toHaveLength(10);
      });

      it('counts what was used, not what was reserved, once a run is settled', async () => {
        const poor = await createTenant(harness, 100);
        const run = await start(harness, poor, { reservationMicros: 100 });
        const usage = { inputTokens: 1, outputTokens: 1, costMicros: 40, estimated: false };
        await harness.runs.settle(poor.scope, newSettlement(run, now(), { usage }));
        const quota = await harness.ledger.quota(poor.scope, now());
        expect(quota).toMatchObject({ usedMicros: 40, reservedMicros: 0 });
        await start(harness, poor, { reservationMicros: 60 });
        const refused = await harness.runs.begin(poor.scope, newRun(poor, now(), { reservationMicros: 1 }));
        expect(refused).toEqual({ kind: 'quota-exceeded' });
      });

      it('begins anew with the calendar month in UTC', async () => {
        const poor = await createTenant(harness, 100);
        const endOfMarch = Date.UTC(2027, 2, 31, 23, 59, 59, 999);
        await start(harness, poor, { now: endOfMarch });
        const refused = await harness.runs.begin(poor.scope, newRun(poor, endOfMarch));
        expect(refused).toEqual({ kind: 'quota-exceeded' });
        await start(harness, poor, { now: endOfMarch + 1 });
      });
    });

    describe('settle', () => {
      it('writes status, usage and ledger, and clears the question', async () => {
        const run = await start(harness, tenant);
        const usage = { inputTokens: 3, outputTokens: 4, costMicros: 5, estimated: true };
        const settlement = newSettlement(run, now(), {
          ...{ status: 'FAILED', finishReason: null, error: ERROR, usage },
        });
        expect(await harness.runs.settle(tenant.scope, settlement)).toBe('settled');
        expect(await harness.runs.find(tenant.scope, run.id)).toEqual({
          ...run,
          ...{ status: 'FAILED', finishReason: null, error: ERROR, usage, question: null },
        });
      });

      it('happens once, whoever asks again, and charges once', async () => {
        const fresh = await createTenant(harness);
        const run = await start(harness, fresh);
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, (_, costMicros) => {
            const usage = { inputTokens: 1, outputTokens: 1, costMicros, estimated: false };
            return harness.runs.settle(fresh.scope, newSettlement(run, now(), { usage }));
          }),
        );
        expect(outcomes.filter((outcome) => outcome === 'settled')).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome === 'already-settled')).toHaveLength(9);
        const settled = await harness.runs.find(fresh.scope, run.id);
        const quota = await harness.ledger.quota(fresh.scope, now());
        expect(quota).toMatchObject({ usedMicros: settled?.usage?.costMicros, reservedMicros: 0 });
        expect(await harness.ledger.totals(fresh.scope)).toMatchObject({ messages: 1, inputTokens: 1 });
      });

      it('refuses a generation that lost the run, and changes nothing', async () => {
        const run = await start(harness, tenant, { leaseMs: 1_000 });
        harness.clock.advance(2_000);
        const claimed = await claimOwn(harness, tenant, 'node-b');
        const taken = claimed.find(({ id }) => id === run.id);
        expect(await harness.runs.settle(tenant.scope, newSettlement(run, now()))).toBe('stale');
        expect(await harness.runs.find(tenant.scope, run.id)).toEqual(taken);
        const settlement = newSettlement({ id: run.id, generation: 2 }, now());
        expect(await harness.runs.settle(tenant.scope, settlement)).toBe('settled');
      });
    });

    describe('leases', () => {
      it('extends what the owner still holds, and names the runs to stop', async () => {
        const run = await start(harness, tenant);
        const foreign = await start(harness, tenant, { leaseOwner: 'node-b' });
        const settled = await start(harness, tenant);
        await harness.runs.settle(tenant.scope, newSettlement(settled, now()));
        await harness.runs.requestStop(tenant.scope, run.id);
        harness.clock.advance(5_000);
        const lease = { owner: 'node-a', leaseMs: 10_000, now: now() };
        const asked = [run, foreign, settled].map(({ id }) => ({ id, generation: 1 }));
        const beat = await harness.runs.heartbeat(SYSTEM_SCOPE, lease, [
          ...asked,
          { id: ids.next('run'), generation: 1 },
        ]);
        expect(beat).toEqual({ held: [run.id], stopRequested: [run.id] });
        expect(await harness.runs.find(tenant.scope, run.id)).toMatchObject({ leaseUntil: now() + 10_000 });
        expect(await harness.runs.find(tenant.scope, foreign.id)).toEqual(foreign);
      });

      it('does not extend an older generation', async () => {
        const run = await start(harness, tenant, { leaseMs: 1_000 });
        harness.clock.advance(2_000);
        await claimOwn(harness, tenant, 'node-a');
        const lease = { owner: 'node-a', leaseMs: 10_000, now: now() };
        const beat = await harness.runs.heartbeat(SYSTEM_SCOPE, lease, [{ id: run.id, generation: 1 }]);
        expect(beat.held).toEqual([]);
      });

      it('hands a run whose lease ran out to exactly one of many claimants', async () => {
        const running = await start(harness, tenant, { leaseMs: 600_000 });
        const begun = await Promise.all(
          Array.from({ length: 12 }, () => start(harness, tenant, { leaseMs: 1_000 })),
        );
        harness.clock.advance(2_000);
        const owners = Array.from({ length: 8 }, (_, index) => `node-${index}`);
        const claims = await Promise.all(owners.map((owner) => claimOwn(harness, tenant, owner)));
        const claimed = claims.flat();
        for (const { id } of begun) {
          expect(claimed.filter((run) => run.id === id)).toMatchObject([{ generation: 2 }]);
        }
        expect(claimed.some(({ id }) => id === running.id)).toBe(false);
        for (const run of claimed) expect(await harness.runs.find(tenant.scope, run.id)).toEqual(run);
      });

      it('claims at most as many as asked, and never a settled run', async () => {
        const settled = await start(harness, tenant, { leaseMs: 1_000 });
        await harness.runs.settle(tenant.scope, newSettlement(settled, now()));
        await start(harness, tenant, { leaseMs: 1_000 });
        await start(harness, tenant, { leaseMs: 1_000 });
        harness.clock.advance(2_000);
        const lease = { owner: 'node-c', leaseMs: 600_000, now: now() };
        expect(await harness.runs.claimExpired(SYSTEM_SCOPE, lease, 1)).toHaveLength(1);
        const rest = await claimOwn(harness, tenant, 'node-c');
        expect(rest.map(({ id }) => id)).not.toContain(settled.id);
      });
    });

    it('notes a wish to stop until the run is settled', async () => {
      const run = await start(harness, tenant);
      expect(await harness.runs.requestStop(tenant.scope, run.id)).toBe(true);
      expect(await harness.runs.requestStop(tenant.scope, run.id)).toBe(true);
      expect(await harness.runs.find(tenant.scope, run.id)).toMatchObject({ stopRequested: true });
      await harness.runs.settle(tenant.scope, newSettlement(run, now(), { status: 'STOPPED' }));
      expect(await harness.runs.requestStop(tenant.scope, run.id)).toBe(false);
      expect(await harness.runs.requestStop(tenant.scope, ids.next('run'))).toBe(false);
    });

    it('shows nothing of a run to another workspace', async () => {
      const run = await start(harness, tenant);
      expect(await harness.runs.find(other.scope, run.id)).toBeUndefined();
      expect(await harness.runs.requestStop(other.scope, run.id)).toBe(false);
      await expect(harness.runs.settle(other.scope, newSettlement(run, now()))).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect(await harness.runs.find(tenant.scope, run.id)).toEqual(run);
    });
  });
}

/** Takes over everything that is due and keeps what is the tenant's: other tests share the store. */
async function claimOwn({ runs, clock }: RelationalHarness, tenant: Tenant, owner: string) {
  const lease = { owner, leaseMs: 600_000, now: clock.now() };
  const claimed = await runs.claimExpired(SYSTEM_SCOPE, lease, 1_000);
  return claimed.filter(({ workspaceId }) => workspaceId === tenant.workspaceId);
}
