import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import {
  createTenant,
  type MakeRelational,
  newSettlement,
  type RelationalHarness,
  start,
  type Tenant,
} from './relational-harness.ts';

export function describeUsageLedger(name: string, make: MakeRelational): void {
  describe(`UsageLedger: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      tenant = await createTenant(harness, 1_000_000);
    });
    const now = () => harness.clock.now();
    const usage = (costMicros: number) => ({ inputTokens: 7, outputTokens: 3, costMicros, estimated: false });

    it('adds up what settled runs used, for ever', async () => {
      expect(await harness.ledger.totals(tenant.scope)).toEqual({
        ...{ messages: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 },
      });
      for (const [index, status] of (['COMPLETED', 'STOPPED', 'FAILED'] as const).entries()) {
        const run = await start(harness, tenant);
        const settlement = newSettlement(run, now(), { status, usage: usage(10 ** index) });
        await harness.runs.settle(tenant.scope, settlement);
      }
      await start(harness, tenant);
      expect(await harness.ledger.totals(tenant.scope)).toEqual({
        ...{ messages: 3, inputTokens: 21, outputTokens: 9, costMicros: 111 },
      });
    });

    it('counts beyond 32 bits', async () => {
      const rich = await createTenant(harness);
      const big = 3_000_000_000_000;
      const run = await start(harness, rich, { reservationMicros: big });
      expect(await harness.ledger.quota(rich.scope, now())).toMatchObject({ reservedMicros: big });
      const counted = { inputTokens: 5_000_000_000, outputTokens: 1, costMicros: big, estimated: false };
      await harness.runs.settle(rich.scope, newSettlement(run, now(), { usage: counted }));
      expect(await harness.ledger.totals(rich.scope)).toMatchObject({
        ...{ inputTokens: 5_000_000_000, costMicros: big },
      });
      expect(await harness.runs.find(rich.scope, run.id)).toMatchObject({ usage: counted });
    });

    it('shows the quota of the calendar month in UTC', async () => {
      const endOfYear = Date.UTC(2027, 11, 31, 23, 59, 59, 999);
      const run = await start(harness, tenant, { now: endOfYear, reservationMicros: 500 });
      expect(await harness.ledger.quota(tenant.scope, endOfYear)).toEqual({
        ...{ limitMicros: 1_000_000, usedMicros: 0, reservedMicros: 500 },
        resetsAt: endOfYear + 1,
      });
      expect(await harness.ledger.quota(tenant.scope, endOfYear + 1)).toEqual({
        ...{ limitMicros: 1_000_000, usedMicros: 0, reservedMicros: 0 },
        resetsAt: Date.UTC(2028, 1, 1),
      });
      // Settled in the next month, counted in the one whose quota let it begin.
      await harness.runs.settle(tenant.scope, newSettlement(run, endOfYear + 5_000, { usage: usage(40) }));
      const [december, january] = [
        await harness.ledger.quota(tenant.scope, endOfYear),
        await harness.ledger.quota(tenant.scope, endOfYear + 1),
      ];
      expect(december).toMatchObject({ usedMicros: 40, reservedMicros: 0 });
      expect(january).toMatchObject({ usedMicros: 0, reservedMicros: 0 });
    });

    it('changes the limit at once, and lifts it', async () => {
      await harness.ledger.setQuotaLimit(tenant.scope, 7);
      expect(await harness.ledger.quota(tenant.scope, now())).toMatchObject({ limitMicros: 7 });
      await harness.ledger.setQuotaLimit(tenant.scope, null);
      expect(await harness.ledger.quota(tenant.scope, now())).toMatchObject({ limitMicros: null });
      await start(harness, tenant, { reservationMicros: 10_000_000 });
    });

    it('counts what a run cost although it was more than reserved', async () => {
      const run = await start(harness, tenant, { reservationMicros: 10 });
      await harness.runs.settle(tenant.scope, newSettlement(run, now(), { usage: usage(25) }));
      const quota = await harness.ledger.quota(tenant.scope, now());
      expect(quota).toMatchObject({ usedMicros: 25, reservedMicros: 0 });
    });

    it('agrees with the runs: nothing mismatched, no reservation without a run', async () => {
      const before = await harness.ledger.audit(SYSTEM_SCOPE);
      const runs = await Promise.all(Array.from({ length: 6 }, () => start(harness, tenant)));
      await Promise.all(
        runs.slice(0, 4).map((run) => harness.runs.settle(tenant.scope, newSettlement(run, now()))),
      );
      const audit = await harness.ledger.audit(SYSTEM_SCOPE);
      expect(audit.mismatched).toEqual([]);
      expect(audit.orphanedReservations).toEqual([]);
      expect(audit.unreserved).toEqual([]);
      expect(audit.miscountedQuotas).toEqual([]);
      expect(audit.usage).toEqual(audit.ledger);
      expect(audit.usage.messages).toBe(before.usage.messages + 4);
      expect(audit.runCount).toBeGreaterThanOrEqual(before.runCount + 4);
    });

    it('keeps workspaces apart', async () => {
      const other = await createTenant(harness, 55);
      const run = await start(harness, tenant);
      await harness.runs.settle(tenant.scope, newSettlement(run, now()));
      expect(await harness.ledger.totals(other.scope)).toMatchObject({ messages: 0, costMicros: 0 });
      const quota = await harness.ledger.quota(other.scope, now());
      expect(quota).toMatchObject({ limitMicros: 55, usedMicros: 0, reservedMicros: 0 });
      await harness.ledger.setQuotaLimit(other.scope, 1);
      expect(await harness.ledger.quota(tenant.scope, now())).toMatchObject({ limitMicros: 1_000_000 });
    });
  });
}
