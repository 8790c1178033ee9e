import { describe, expect, it } from 'vitest';
import { type NamedStore, readinessOf } from '../../../src/app/readiness.ts';

const TIMEOUT_MS = 20;
const fit: NamedStore = { name: 'redis', health: async () => {} };
const lost: NamedStore = {
  name: 'mongodb',
  health: () => Promise.reject(new Error('connect ECONNREFUSED mongodb://user:secret@host')),
};
/** Does not even heed the signal. */
const silent: NamedStore = { name: 'scylladb', health: () => new Promise(() => {}) };

describe('readiness', () => {
  it('is there when every store answers', async () => {
    expect(await readinessOf([fit])()).toEqual({ status: 'ready', stores: { redis: 'ready' } });
  });

  it('tells the silent store from the others, and of a lost one nothing but that', async () => {
    expect(await readinessOf([fit, lost, silent], TIMEOUT_MS)()).toEqual({
      status: 'not ready',
      stores: { redis: 'ready', mongodb: 'unavailable', scylladb: 'silent' },
    });
  });

  it('asks once for all who ask at the same time, and again for those who ask later', async () => {
    let asked = 0;
    const counted: NamedStore = {
      name: 'redis',
      health: async () => {
        asked += 1;
      },
    };
    const ask = readinessOf([counted]);
    await Promise.all([ask(), ask(), ask()]);
    expect(asked).toBe(1);
    await ask();
    expect(asked).toBe(2);
  });
});
