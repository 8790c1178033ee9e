import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cache } from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import type { TestClock } from '../../support/clock.ts';
import { newScope } from '../../support/fixtures.ts';

export interface CacheHarness {
  readonly cache: Cache;
  readonly clock: TestClock;
  close(): Promise<void>;
}
const TTL_MS = 60_000;

export function describeCache(name: string, make: () => Promise<CacheHarness>): void {
  describe(`Cache: ${name}`, () => {
    let harness: CacheHarness;
    let scope: WorkspaceScope;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      scope = newScope();
    });

    const put = (key: string, value: string, ttlMs = TTL_MS) =>
      harness.cache.put(scope, key, Buffer.from(value), ttlMs);
    const get = async (key: string, reader = scope) => {
      const value = await harness.cache.get(reader, key);
      return value === undefined ? undefined : Buffer.from(value).toString();
    };

    it('gives back what was put last', async () => {
      expect(await get('key')).toBeUndefined();
      await put('key', 'one');
      await put('key', 'two');
      await put('empty', '');
      expect([await get('key'), await get('empty')]).toEqual(['two', '']);
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await harness.cache.put(scope, 'bytes', bytes, TTL_MS);
      expect(Uint8Array.from((await harness.cache.get(scope, 'bytes')) ?? [])).toEqual(bytes);
    });

    it('forgets when the time is over, each put with its own', async () => {
      await put('short', 'value', 1_000);
      await put('long', 'value', 10_000);
      await put('renewed', 'value', 1_000);
      harness.clock.advance(900);
      await put('renewed', 'value', 1_000);
      expect([await get('short'), await get('long')]).toEqual(['value', 'value']);
      harness.clock.advance(200);
      expect([await get('short'), await get('long'), await get('renewed')]).toEqual([
        ...[undefined, 'value', 'value'],
      ]);
      harness.clock.advance(10_000);
      expect([await get('long'), await get('renewed')]).toEqual([undefined, undefined]);
    });

    it('removes all keys that begin with a prefix, taken literally', async () => {
      for (const key of ['a:1', 'a:2', 'ab', 'b:a:1', '*', 'a?c']) await put(key, key);
      await harness.cache.remove(scope, '*');
      await harness.cache.remove(scope, 'a:');
      await harness.cache.remove(scope, 'never');
      expect(await Promise.all(['a:1', 'a:2', 'ab', 'b:a:1', '*', 'a?c'].map((key) => get(key)))).toEqual([
        ...[undefined, undefined, 'ab', 'b:a:1', undefined, 'a?c'],
      ]);
      await harness.cache.remove(scope, '');
      expect([await get('ab'), await get('b:a:1')]).toEqual([undefined, undefined]);
    });

    it('keeps its own copy', async () => {
      const value = Buffer.from('mine');
      await harness.cache.put(scope, 'key', value, TTL_MS);
      value.fill(0);
      (await harness.cache.get(scope, 'key'))?.fill(0);
      expect(await get('key')).toBe('mine');
    });

    it('keeps workspaces apart', async () => {
      const other = newScope();
      await put('key', 'mine');
      expect(await get('key', other)).toBeUndefined();
      await harness.cache.put(other, 'key', Buffer.from('theirs'), TTL_MS);
      expect(await get('key')).toBe('mine');
      await harness.cache.remove(other, '');
      expect(await get('key')).toBe('mine');
    });
  });
}
