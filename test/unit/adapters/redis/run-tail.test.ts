import { describe, expect, it } from 'vitest';
import { RunTail } from '../../../../src/adapters/redis/run-tail.ts';
import type { RunEvent } from '../../../../src/domain/run.ts';
import { TestClock } from '../../../support/clock.ts';
import { deltas, numbered } from '../../../support/fixtures.ts';

/** A tail of a log that can be made to fail and to answer late. */
function newTail() {
  const stored: RunEvent[] = [];
  const heard: RunEvent[] = [];
  const clock = new TestClock();
  let failures = 0;
  let readCount = 0;
  const tail = new RunTail({
    clock,
    read: async (after, limit) => {
      readCount += 1;
      if (failures > 0) {
        failures -= 1;
        throw new Error('away');
      }
      return stored.slice(after + 1, after + 1 + limit);
    },
  });
  tail.add((events) => heard.push(...events));
  return {
    tail,
    clock,
    heard,
    stored,
    reads: () => readCount,
    fail: (count: number) => {
      failures = count;
    },
    store: (...texts: string[]) => stored.push(...numbered(deltas(...texts), stored.length)),
    announce: (firstSequence: number, count = 1) =>
      tail.announce({
        firstSequence,
        count,
        decode: () => stored.slice(firstSequence, firstSequence + count),
      }),
  };
}

describe('the tail of a run', () => {
  it('tells what continues at its position without reading the log', () => {
    const { tail, heard, stored, store, announce, reads } = newTail();
    tail.beginAt(0);
    store('a', 'b', 'c');
    announce(0, 2);
    announce(2);
    expect(heard).toEqual(stored);
    expect(reads()).toBe(0);
  });

  it('tells nothing twice, and nothing older than its beginning', () => {
    const { tail, heard, stored, store, announce } = newTail();
    store('a', 'b', 'c');
    tail.beginAt(1);
    for (const sequence of [0, 1, 0, 1, 2, 2, 1]) announce(sequence);
    expect(heard).toEqual(stored.slice(1));
  });

  it('reads what it was not told of, in order', async () => {
    const { tail, heard, stored, store, announce } = newTail();
    tail.beginAt(0);
    store('a', 'b', 'c', 'd');
    announce(2);
    announce(0);
    announce(3);
    await expect.poll(() => heard.length).toBe(4);
    expect(heard).toEqual(stored);
  });

  it('keeps what is announced before it knows where the log stands', async () => {
    const { tail, heard, stored, store, announce } = newTail();
    store('a', 'b');
    announce(1);
    tail.beginAt(1);
    await expect.poll(() => heard.length).toBe(1);
    expect(heard).toEqual(stored.slice(1));
  });

  it('reads again after an announcement that it cannot decode', async () => {
    const { tail, heard, stored, store } = newTail();
    tail.beginAt(0);
    store('a');
    tail.announce({ firstSequence: 0, count: 1, decode: () => [] });
    await expect.poll(() => heard.length).toBe(1);
    expect(heard).toEqual(stored);
  });

  it('tries again, later, when the log cannot be read', async () => {
    const { tail, heard, stored, store, fail, clock, announce, reads } = newTail();
    tail.beginAt(0);
    store('a', 'b');
    fail(2);
    tail.fallBehind();
    announce(1);
    await expect.poll(() => reads()).toBe(1);
    expect(heard).toEqual([]);
    await expect
      .poll(() => {
        clock.advance(1_000);
        return heard.length;
      })
      .toBe(2);
    expect(heard).toEqual(stored);
    expect(reads()).toBe(3);
  });

  it('reads a long way in pages', async () => {
    const { tail, heard, stored, store } = newTail();
    store(...Array.from({ length: 2_500 }, (_, index) => `${index}`));
    tail.beginAt(0);
    tail.fallBehind();
    await expect.poll(() => heard.length).toBe(2_500);
    expect(heard).toEqual(stored);
  });

  it('falls silent when it is closed, also with what it was just reading', async () => {
    const { tail, heard, store, announce, reads } = newTail();
    tail.beginAt(0);
    store('a');
    tail.fallBehind();
    expect(reads()).toBe(1);
    tail.close();
    announce(0);
    await new Promise(setImmediate);
    expect(heard).toEqual([]);
    expect(tail.listenerCount).toBe(0);
  });
});
