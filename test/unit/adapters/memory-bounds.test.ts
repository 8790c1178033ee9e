import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../../src/adapters/memory/memory-cache.ts';
import { MemoryRateLimiter } from '../../../src/adapters/memory/memory-rate-limiter.ts';
import { MemorySessionCache } from '../../../src/adapters/memory/memory-session-cache.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { TestClock } from '../../support/clock.ts';
import { ids, newScope } from '../../support/fixtures.ts';

const TTL_MS = 60_000;

describe('MemoryCache', () => {
  const scope = newScope();
  const present = async (cache: MemoryCache, keys: readonly string[]) => {
    const values = await Promise.all(keys.map((key) => cache.get(scope, key)));
    return keys.filter((_, index) => values[index] !== undefined);
  };

  it('holds a bounded number of entries and drops the one longest unused', async () => {
    const cache = new MemoryCache({ clock: new TestClock(), entriesMax: 3 });
    for (const key of ['a', 'b', 'c']) await cache.put(scope, key, Buffer.from(key), TTL_MS);
    await cache.get(scope, 'a');
    await cache.put(scope, 'd', Buffer.from('d'), TTL_MS);
    expect(await present(cache, ['a', 'b', 'c', 'd'])).toEqual(['a', 'c', 'd']);
  });

  it('holds a bounded number of bytes, whatever is replaced, removed or expired', async () => {
    const clock = new TestClock();
    const cache = new MemoryCache({ clock, bytesMax: 100 });
    const put = (key: string, size: number) => cache.put(scope, key, new Uint8Array(size), TTL_MS);
    await put('a', 60);
    await put('a', 30);
    await put('b', 60);
    expect(await present(cache, ['a', 'b'])).toEqual(['a', 'b']);
    await put('c', 20);
    expect(await present(cache, ['a', 'b', 'c'])).toEqual(['b', 'c']);
    await cache.remove(scope, 'b');
    await put('d', 80);
    expect(await present(cache, ['c', 'd'])).toEqual(['c', 'd']);
    clock.advance(TTL_MS);
    expect(await present(cache, ['c', 'd'])).toEqual([]);
    await put('e', 100);
    expect(await present(cache, ['e'])).toEqual(['e']);
  });

  it('does not take what alone passes the bound, nor keep what it would have replaced', async () => {
    const cache = new MemoryCache({ clock: new TestClock(), bytesMax: 10 });
    await cache.put(scope, 'a', new Uint8Array(5), TTL_MS);
    await cache.put(scope, 'b', new Uint8Array(5), TTL_MS);
    await cache.put(scope, 'a', new Uint8Array(11), TTL_MS);
    expect(await present(cache, ['a', 'b'])).toEqual(['b']);
  });
});

describe('MemorySessionCache', () => {
  it('holds a bounded number of sessions and drops the one longest unused', async () => {
    const cache = new MemorySessionCache(2);
    const sessionIds = [ids.next('ses'), ids.next('ses'), ids.next('ses')] as const;
    const userId = ids.next('usr');
    const state = { userId, workspaceId: ids.next('wsp'), role: 'OWNER', revoked: false } as const;
    await cache.put(SYSTEM_SCOPE, sessionIds[0], state);
    await cache.put(SYSTEM_SCOPE, sessionIds[1], state);
    await cache.find(SYSTEM_SCOPE, sessionIds[0]);
    await cache.put(SYSTEM_SCOPE, sessionIds[2], state);
    const found = await Promise.all(sessionIds.map((id) => cache.find(SYSTEM_SCOPE, id)));
    expect(found).toEqual([state, undefined, state]);
    await cache.invalidate(SYSTEM_SCOPE, { userId });
    const left = await Promise.all(sessionIds.map((id) => cache.find(SYSTEM_SCOPE, id)));
    expect(left).toEqual([undefined, undefined, undefined]);
  });
});

describe('MemoryRateLimiter', () => {
  const rateLimit = { name: 'test', limit: 1, windowMs: 1_000 };

  it('remembers a bounded number of subjects and forgets the one longest unused', async () => {
    const limiter = new MemoryRateLimiter({ clock: new TestClock(), subjectsMax: 2 });
    for (const subject of ['a', 'b', 'a', 'c']) await limiter.take(rateLimit, subject);
    expect(await limiter.take(rateLimit, 'a')).toMatchObject({ allowed: false });
    expect(await limiter.take(rateLimit, 'c')).toMatchObject({ allowed: false });
    expect(await limiter.take(rateLimit, 'b')).toMatchObject({ allowed: true });
  });

  it('makes room by those that owe nothing before those that do', async () => {
    const clock = new TestClock();
    const limiter = new MemoryRateLimiter({ clock, subjectsMax: 2 });
    const slow = { ...rateLimit, name: 'slow', windowMs: 60_000 };
    await limiter.take(rateLimit, 'recovered');
    await limiter.take(slow, 'owing');
    clock.advance(1_000);
    await limiter.take(slow, 'new');
    expect(await limiter.take(slow, 'owing')).toMatchObject({ allowed: false });
  });

  it('gives nothing away when the clock steps back', async () => {
    const clock = new TestClock();
    const limiter = new MemoryRateLimiter({ clock });
    await limiter.take(rateLimit, 'a');
    clock.advance(-5_000);
    expect(await limiter.take(rateLimit, 'a')).toMatchObject({ allowed: false });
    clock.advance(5_500);
    expect(await limiter.take(rateLimit, 'a')).toMatchObject({ allowed: false, retryAfterMs: 500 });
  });
});
