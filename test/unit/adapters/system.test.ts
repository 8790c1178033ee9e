import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { UlidGenerator } from '../../../src/adapters/system/ids.ts';
import { SystemRandom } from '../../../src/adapters/system/random.ts';
import { parseId } from '../../../src/domain/ids.ts';
import { TestClock } from '../../support/clock.ts';
import { SeededRandom } from '../../support/random.ts';

describe('UlidGenerator', () => {
  it('makes ids that sort in the order they were made, also within a millisecond', () => {
    const clock = new TestClock();
    const generator = new UlidGenerator(clock, new SeededRandom(1));
    const made: string[] = [];
    for (let index = 0; index < 2_000; index += 1) {
      if (index % 100 === 0) clock.advance(index % 300 === 0 ? -2 : 3);
      made.push(generator.next('doc'));
    }
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(2_000);
    expect(made.every((id) => parseId('doc', id) === id)).toBe(true);
  });

  it('begins each millisecond anew, with its time in front', () => {
    const clock = new TestClock();
    const generator = new UlidGenerator(clock, new SeededRandom(2));
    const [first, second] = [generator.next('run'), generator.next('run')];
    expect(second.slice(0, 14)).toBe(first.slice(0, 14));
    clock.advance(1);
    expect(generator.next('run').slice(0, 14) > first.slice(0, 14)).toBe(true);
  });

  it('moves on to the next millisecond when one is full', () => {
    const full = { bytes: (count: number) => new Uint8Array(count).fill(0xff) };
    const generator = new UlidGenerator(new TestClock(), full);
    const [first, second] = [generator.next('msg'), generator.next('msg')];
    expect(second > first).toBe(true);
    expect(second.slice(0, 14)).not.toBe(first.slice(0, 14));
  });
});

describe('SystemClock', () => {
  const clock = new SystemClock();

  it('sleeps at least as long as asked', async () => {
    const before = performance.now();
    await clock.sleep(20);
    expect(performance.now() - before).toBeGreaterThanOrEqual(19);
  });

  it('rejects with the reason of the signal, before and during', async () => {
    const reason = new Error('enough');
    await expect(clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const slept = clock.sleep(60_000, controller.signal);
    controller.abort(reason);
    await expect(slept).rejects.toBe(reason);
  });
});

describe('SystemRandom', () => {
  it('gives as many bytes as asked, and others each time', () => {
    const random = new SystemRandom();
    expect(random.bytes(32)).toHaveLength(32);
    expect(Buffer.compare(random.bytes(32), random.bytes(32))).not.toBe(0);
  });
});
