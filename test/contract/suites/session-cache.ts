import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionCache, SessionState } from '../../../src/domain/ports/identity.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { ids } from '../../support/fixtures.ts';

export interface SessionCacheHarness {
  readonly cache: SessionCache;
  close(): Promise<void>;
}

export function describeSessionCache(name: string, make: () => Promise<SessionCacheHarness>): void {
  describe(`SessionCache: ${name}`, () => {
    let harness: SessionCacheHarness;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());

    const newState = (overrides: Partial<SessionState> = {}): SessionState => ({
      ...{ userId: ids.next('usr'), workspaceId: ids.next('wsp'), role: 'EDITOR', revoked: false },
      ...overrides,
    });
    const put = async (state: SessionState) => {
      const sessionId = ids.next('ses');
      await harness.cache.put(SYSTEM_SCOPE, sessionId, state);
      return sessionId;
    };
    const find = (sessionId: Parameters<SessionCache['find']>[1]) =>
      harness.cache.find(SYSTEM_SCOPE, sessionId);

    it('gives back what was put last, also that somebody is no longer a member', async () => {
      const sessionId = await put(newState());
      const state = newState({ role: undefined, revoked: true });
      await harness.cache.put(SYSTEM_SCOPE, sessionId, state);
      expect(await find(sessionId)).toEqual(state);
      expect(await find(ids.next('ses'))).toBeUndefined();
    });

    it('keeps what a user reads of themselves', async () => {
      const state = newState();
      const workspace = { id: state.workspaceId, name: 'Ünïcode "W"', defaultCollectionId: ids.next('col') };
      const { userId } = state;
      const account = {
        email: 'a@example.com',
        memberships: [{ userId, role: 'OWNER' as const, workspace }],
      };
      const sessionId = await put({ ...state, account });
      expect(await find(sessionId)).toEqual({ ...state, account });
    });

    it('forgets one session', async () => {
      const { userId } = newState();
      const [one, two] = [await put(newState({ userId })), await put(newState({ userId }))];
      await harness.cache.invalidate(SYSTEM_SCOPE, { sessionId: one });
      await harness.cache.invalidate(SYSTEM_SCOPE, { sessionId: one });
      expect(await find(one)).toBeUndefined();
      expect(await find(two)).toMatchObject({ userId });
    });

    it('forgets all sessions of a user and nobody else', async () => {
      const { userId } = newState();
      const own = [await put(newState({ userId })), await put(newState({ userId }))];
      const other = await put(newState());
      await harness.cache.invalidate(SYSTEM_SCOPE, { userId });
      await harness.cache.invalidate(SYSTEM_SCOPE, { userId: ids.next('usr') });
      expect(await Promise.all(own.map(find))).toEqual([undefined, undefined]);
      expect(await find(other)).toBeDefined();
    });

    it('tells every listener what was invalidated, whether it was there or not', async () => {
      const targets = [{ sessionId: ids.next('ses') }, { userId: ids.next('usr') }];
      const heard: unknown[] = [];
      const listen = () => harness.cache.onInvalidated(SYSTEM_SCOPE, (target) => heard.push(target));
      const [stop, stopToo] = [listen(), listen()];
      for (const target of targets) await harness.cache.invalidate(SYSTEM_SCOPE, target);
      await expect.poll(() => heard).toEqual(targets.flatMap((target) => [target, target]));
      stop();
      await harness.cache.invalidate(SYSTEM_SCOPE, { userId: ids.next('usr') });
      await expect.poll(() => heard.length).toBe(5);
      stopToo();
    });

    it('follows a session to the user it was put for last', async () => {
      const before = newState();
      const sessionId = await put(before);
      const after = newState();
      await harness.cache.put(SYSTEM_SCOPE, sessionId, after);
      await harness.cache.invalidate(SYSTEM_SCOPE, { userId: before.userId });
      expect(await find(sessionId)).toEqual(after);
      await harness.cache.invalidate(SYSTEM_SCOPE, { userId: after.userId });
      expect(await find(sessionId)).toBeUndefined();
    });
  });
}
