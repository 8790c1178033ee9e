/** Fifty trials of the harness that `npm run chaos` runs by the thousand. */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ChaosOptions, runTrials } from './run-trials.ts';
import { findServers } from './server-stores.ts';

const seed = Number(process.env['TEST_SEED'] ?? randomInt(1_000_000));
const servers = findServers(process.env);
const TIMEOUT_MS = 20 * 60_000;
/** Twice the command's: beside other tests a heartbeat may be late. */
const LEASE_MS = 2_000;

async function expectNoHarm(options: Omit<ChaosOptions, 'seed'>): Promise<void> {
  const tally = await runTrials({ ...options, seed, leaseMs: LEASE_MS });
  expect(tally.findings).toEqual([]);
  expect(tally.verdict()).toMatchObject({ trials: options.trials, lost: 0, doubled: 0, misbilled: 0 });
  // Trials that hurt nobody prove nothing.
  expect(tally.kills).toBeGreaterThan(options.trials / 8);
}

describe(`processes that are killed, stopped and drained while they answer (TEST_SEED=${seed})`, () => {
  it('lose, double and misbill nothing on the embedded stores', { timeout: TIMEOUT_MS }, async () => {
    await expectNoHarm({ trials: 20, lanes: 2, servers: undefined, nodeCount: 1 });
  });

  const reason = servers
    ? ''
    : ' (needs the four *_URL_TEST variables: `npm run servers -- start` prints their URLs)';
  it.skipIf(!servers)(`nor on the four servers${reason}`, { timeout: TIMEOUT_MS }, async () => {
    await expectNoHarm({ trials: 30, lanes: 3, servers, nodeCount: 5 });
  });
});
