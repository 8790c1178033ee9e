import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RateLimit, RateLimiter } from '../../../src/domain/ports/limits.ts';
import type { TestClock } from '../../support/clock.ts';
import { ids } from '../../support/fixtures.ts';

export interface RateLimiterHarness {
  readonly limiter: RateLimiter;
  readonly clock: TestClock;
  close(): Promise<void>;
}
const TEN_A_SECOND: RateLimit = { name: 'test', limit: 10, windowMs: 1_000 };

export function describeRateLimiter(name: string, make: () => Promise<RateLimiterHarness>): void {
  describe(`RateLimiter: ${name}`, () => {
    let harness: RateLimiterHarness;
    let subject: string;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      subject = ids.next('usr');
    });

    const take = (cost?: number, rateLimit = TEN_A_SECOND) => harness.limiter.take(rateLimit, subject, cost);
    const takeMany = async (count: number, rateLimit = TEN_A_SECOND) => {
      const decisions = [];
      for (let index = 0; index < count; index += 1) decisions.push(await take(undefined, rateLimit));
      return decisions;
    };

    it('gives the whole budget at once and says what is left and when it is back', async () => {
      const decisions = await takeMany(10);
      expect(decisions.map(({ allowed }) => allowed)).toEqual(Array.from({ length: 10 }, () => true));
      expect(decisions.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(decisions.map(({ resetMs }) => resetMs)).toEqual([
        ...[100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000],
      ]);
      expect(decisions.every(({ limit, retryAfterMs }) => limit === 10 && retryAfterMs === 0)).toBe(true);
    });

    it('refuses beyond it, free of charge, and says when to come back', async () => {
      await takeMany(10);
      const refused = { allowed: false, limit: 10, remaining: 0, resetMs: 1_000, retryAfterMs: 100 };
      expect(await take()).toEqual(refused);
      expect(await take()).toEqual(refused);
      harness.clock.advance(99);
      expect(await take()).toMatchObject({ allowed: false, retryAfterMs: 1 });
      harness.clock.advance(1);
      expect(await take()).toMatchObject({ allowed: true, remaining: 0 });
      expect(await take()).toMatchObject({ allowed: false, retryAfterMs: 100 });
    });

    it('refills evenly, never beyond the budget', async () => {
      await takeMany(10);
      harness.clock.advance(550);
      expect(await take()).toMatchObject({ allowed: true, remaining: 4 });
      harness.clock.advance(60_000);
      expect(await take()).toMatchObject({ allowed: true, remaining: 9, resetMs: 100 });
    });

    it('charges what a call costs, whole or not at all', async () => {
      expect(await take(7)).toMatchObject({ allowed: true, remaining: 3 });
      expect(await take(4)).toMatchObject({ allowed: false, remaining: 3, retryAfterMs: 100 });
      expect(await take(3)).toMatchObject({ allowed: true, remaining: 0 });
      expect(await take(11)).toMatchObject({ allowed: false });
    });

    it('says 0 remaining of a limit of one, and when it is back', async () => {
      const once = { name: 'once', limit: 1, windowMs: 60_000 };
      expect(await take(1, once)).toMatchObject({ allowed: true, remaining: 0, resetMs: 60_000 });
      expect(await take(1, once)).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
    });

    it('keeps subjects and budgets apart', async () => {
      await takeMany(10);
      const other = await harness.limiter.take(TEN_A_SECOND, ids.next('usr'));
      expect(other).toMatchObject({ allowed: true, remaining: 9 });
      const named = await harness.limiter.take({ ...TEN_A_SECOND, name: 'other' }, subject);
      expect(named).toMatchObject({ allowed: true, remaining: 9 });
    });

    it('lets no more through however many ask at once', async () => {
      const decisions = await Promise.all(Array.from({ length: 50 }, () => take()));
      expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(10);
    });

    it('never lets more through in a time than the budget and what refilled in it; waiting as told helps', async () => {
      const steps = fc.array(
        fc.record({ wait: fc.nat({ max: 400 }), cost: fc.integer({ min: 1, max: 4 }) }),
        { maxLength: 40 },
      );
      const limits = fc.record({
        limit: fc.integer({ min: 1, max: 7 }),
        windowMs: fc.integer({ min: 1, max: 1_000 }),
      });
      const property = fc.asyncProperty(limits, steps, async ({ limit, windowMs }, calls) => {
        const rateLimit = { name: 'generated', limit, windowMs };
        const fresh = ids.next('usr');
        const begin = harness.clock.now();
        let spent = 0;
        for (const { wait, cost } of calls) {
          harness.clock.advance(wait);
          const decision = await harness.limiter.take(rateLimit, fresh, cost);
          if (decision.allowed) spent += cost;
          const refilled = ((harness.clock.now() - begin) * limit) / windowMs;
          expect(spent).toBeLessThanOrEqual(limit + refilled + 1e-6);
          expect(decision.remaining).toBeGreaterThanOrEqual(0);
          if (decision.allowed || cost > limit) continue;
          harness.clock.advance(decision.retryAfterMs);
          expect(await harness.limiter.take(rateLimit, fresh, cost)).toMatchObject({ allowed: true });
          spent += cost;
        }
      });
      await fc.assert(property, { numRuns: 50 });
    });
  });
}
