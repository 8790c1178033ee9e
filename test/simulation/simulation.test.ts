import { describe, expect, it } from 'vitest';
import { BROKEN } from './broken-adapters.ts';
import { simulate } from './simulation.ts';

const SEEDS = 200;
const SEEDS_A_TEST = 20;
/** A fault has to meet the one moment at which a broken part matters. */
const BROKEN_SEEDS_MAX = 40;

describe('seeded simulation of nodes, clients and stores', () => {
  const blocks = Array.from({ length: SEEDS / SEEDS_A_TEST }, (_, index) => index * SEEDS_A_TEST + 1);

  it.each(blocks)(
    'keeps S1 to S6 and comes to rest: 20 seeds from %i',
    { timeout: 120_000 },
    async (first) => {
      let takeovers = 0;
      for (let seed = first; seed < first + SEEDS_A_TEST; seed += 1) {
        const { violations, trace, ...result } = await simulate(seed);
        expect(violations, `seed ${seed}\n${trace.join('\n')}`).toEqual([]);
        takeovers += result.takeovers;
      }
      // A simulation in which nothing goes wrong proves nothing.
      expect(takeovers).toBeGreaterThan(SEEDS_A_TEST);
    },
  );

  it('replays a seed exactly, and another one otherwise', async () => {
    const [once, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
    expect(again).toEqual(once);
    expect(other.traceHash).not.toBe(once.traceHash);
  });
});

describe('the simulation notices', () => {
  it.each(BROKEN)('%s (%s)', { timeout: 120_000 }, async (_name, invariant, adapters) => {
    const noticed = new Set<string>();
    for (let seed = 1; seed <= BROKEN_SEEDS_MAX && !noticed.has(invariant); seed += 1) {
      for (const violation of (await simulate(seed, adapters)).violations) noticed.add(violation.invariant);
    }
    expect([...noticed]).toContain(invariant);
  });
});
