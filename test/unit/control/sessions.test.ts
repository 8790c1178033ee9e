import { describe, expect, test } from 'vitest';
import { makeId } from '../../../src/domain/ids.ts';
import { HERE, join, newWorld, type World } from './control-world.ts';

const bearer = (token: string) => `Bearer ${token}`;

async function refresh(world: World, refreshToken: string) {
  const outcome = await world.identity.refresh(refreshToken, HERE);
  if (outcome.kind !== 'signed-in') throw new Error(`refresh refused: ${outcome.kind}`);
  return outcome;
}

describe('an access token', () => {
  test('lives for 15 minutes, in whole seconds', async () => {
    const world = newWorld();
    const { accessToken, expiresAt } = await world.signUp('ada@example.com');
    expect(expiresAt % 1_000).toBe(0);
    expect(world.time.now + 900_000 - expiresAt).toBeLessThan(1_000);
    world.time.now = expiresAt - 1;
    const principal = await world.identity.authenticate(bearer(accessToken));
    expect(principal).toMatchObject({ kind: 'user', expiresAt });
    world.time.now = expiresAt;
    expect(await world.identity.authenticate(bearer(accessToken))).toBeUndefined();
    expect(principal && (await world.identity.recheck(principal))).toBeUndefined();
  });

  test('whoever holds something open is told of changes to their own credentials, and no others', async () => {
    const world = newWorld();
    const ada = await world.principal(await world.signUp('ada@example.com'));
    const bob = await world.principal(await world.signUp('bob@example.com'));
    const told: boolean[][] = [];
    const stop = world.identity.onCredentialChange((affects) => told.push([affects(ada), affects(bob)]));
    await world.identity.logout(ada);
    expect(told).toEqual([[true, false]]);
    stop();
    await world.identity.logout(bob);
    expect(told).toHaveLength(1);
  });

  test('is taken in any case of "bearer", and nothing else is', async () => {
    const world = newWorld();
    const { accessToken, refreshToken } = await world.signUp('ada@example.com');
    expect(await world.identity.authenticate(`bearer  ${accessToken}`)).toBeDefined();
    const others = ['', accessToken, 'Bearer', 'Bearer ', `Basic ${accessToken}`, bearer(refreshToken)];
    for (const authorization of others)
      expect(await world.identity.authenticate(authorization)).toBeUndefined();
  });

  test('is refused from the moment of logout, on its own session only', async () => {
    const world = newWorld();
    const first = await world.signUp('ada@example.com');
    const second = await refresh(world, (await loginAgain(world)).refreshToken);
    const principal = await world.principal(first);
    await world.identity.logout(principal);
    expect(await world.identity.authenticate(bearer(first.accessToken))).toBeUndefined();
    expect(await world.identity.recheck(principal)).toBeUndefined();
    expect(await world.identity.refresh(first.refreshToken, HERE)).toEqual({ kind: 'invalid-credentials' });
    expect(await world.identity.authenticate(bearer(second.accessToken))).toBeDefined();
  });

  test('costs no repository call while nothing changes', async () => {
    let findCount = 0;
    const world = newWorld({}, ({ sessions }) => ({
      sessions: Object.assign(Object.create(sessions), {
        create: sessions.create.bind(sessions),
        find: (...args: Parameters<typeof sessions.find>) => {
          findCount += 1;
          return sessions.find(...args);
        },
      }),
    }));
    const { accessToken } = await world.signUp('ada@example.com');
    await world.identity.authenticate(bearer(accessToken));
    const afterFirst = findCount;
    for (let index = 0; index < 10; index += 1) await world.identity.authenticate(bearer(accessToken));
    expect(findCount).toBe(afterFirst);
  });
});

async function loginAgain(world: World) {
  const outcome = await world.identity.login(
    { email: 'ada@example.com', password: 'correct horse battery' },
    HERE,
  );
  if (outcome.kind !== 'signed-in') throw new Error(outcome.kind);
  return outcome;
}

describe('revocation wins against a read that began before it', () => {
  test('in this process', async () => {
    const gate = newGate();
    const world = newWorld({}, ({ users }) => {
      const listMemberships: typeof users.listMemberships = async (...args) => {
        const memberships = await users.listMemberships(...args);
        await gate.pass();
        return memberships;
      };
      return { users: bound(users, { listMemberships }) };
    });
    const { accessToken } = await world.signUp('ada@example.com');
    const principal = await world.principal({ accessToken } as never);
    await world.deps.sessionCache.invalidate({ system: true }, { userId: principal.userId });
    const [first, second] = gate.close(2);
    const slow = world.identity.authenticate(bearer(accessToken));
    await first?.reached;
    await world.identity.logout(principal);
    first?.open();
    // Whatever the slow one does next, nobody may meet what it read before the logout.
    await Promise.race([slow, second?.reached]);
    const next = world.identity.authenticate(bearer(accessToken));
    second?.open();
    expect(await next).toBeUndefined();
    await slow;
  });

  test('on another node', async () => {
    let onPut = async () => {};
    const world = newWorld({}, ({ sessionCache }) => ({
      sessionCache: {
        find: (...args) => sessionCache.find(...args),
        invalidate: (...args) => sessionCache.invalidate(...args),
        onInvalidated: (...args) => sessionCache.onInvalidated(...args),
        put: async (...args) => {
          await onPut();
          await sessionCache.put(...args);
        },
      },
    }));
    const signedIn = await world.signUp('ada@example.com');
    const { sessions, sessionCache } = world.deps;
    onPut = async () => {
      const [session] = world.deps.database.sessions.values();
      if (session === undefined) throw new Error('no session');
      await sessions.revoke({ system: true }, session.id);
      await sessionCache.invalidate({ system: true }, { sessionId: session.id });
    };
    expect(await world.identity.authenticate(bearer(signedIn.accessToken))).toBeUndefined();
    onPut = async () => {};
    expect(await world.identity.authenticate(bearer(signedIn.accessToken))).toBeUndefined();
  });
});

/** `target` with some methods replaced; the others keep their `this`, and so their private fields. */
function bound<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      const value: unknown = Reflect.get(name in replaced ? replaced : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Lets everybody pass until it is closed for the next few, each of whom waits to be let through. */
function newGate() {
  const barriers: { readonly reach: () => void; readonly opened: Promise<void> }[] = [];
  const newBarrier = () => {
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    barriers.push({ reach: reached.resolve, opened: opened.promise });
    return { reached: reached.promise, open: opened.resolve };
  };
  return {
    close: (count: number) => Array.from({ length: count }, newBarrier),
    pass: async () => {
      const barrier = barriers.shift();
      barrier?.reach();
      await barrier?.opened;
    },
  };
}

describe('a refresh token', () => {
  test('is good once, for a new pair of the same session', async () => {
    const world = newWorld();
    const first = await world.signUp('ada@example.com');
    expect(first.refreshToken).toMatch(/^mdr_[A-Za-z0-9_-]{43}$/);
    const second = await refresh(world, first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await world.principal(second)).toMatchObject({
      sessionId: sessionIdOf(await world.principal(first)),
    });
    await refresh(world, second.refreshToken);
  });

  test('is stored as a hash only', async () => {
    const world = newWorld();
    const { refreshToken } = await world.signUp('ada@example.com');
    const stored = [...world.deps.database.refreshTokens.keys()];
    expect(stored).toHaveLength(1);
    expect(stored[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(stored)).not.toContain(refreshToken);
  });

  test('used a second time ends the session at once: the access tokens and the newest refresh token too', async () => {
    const world = newWorld();
    const first = await world.signUp('ada@example.com');
    const second = await refresh(world, first.refreshToken);
    await world.principal(second);
    expect(await world.identity.refresh(first.refreshToken, HERE)).toEqual({ kind: 'invalid-credentials' });
    expect(await world.identity.authenticate(bearer(second.accessToken))).toBeUndefined();
    expect(await world.identity.refresh(second.refreshToken, HERE)).toEqual({ kind: 'invalid-credentials' });
  });

  test('exchanged by two at once serves one, and ends the session', async () => {
    const world = newWorld();
    const { refreshToken } = await world.signUp('ada@example.com');
    const outcomes = await Promise.all(
      [refreshToken, refreshToken].map((token) => world.identity.refresh(token, HERE)),
    );
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['invalid-credentials', 'signed-in']);
    const [winner] = outcomes.filter((outcome) => outcome.kind === 'signed-in');
    expect(winner && (await world.identity.authenticate(bearer(winner.accessToken)))).toBeUndefined();
  });

  test('lasts for 30 days from its own making', async () => {
    const day = 24 * 60 * 60_000;
    const world = newWorld();
    const first = await world.signUp('ada@example.com');
    world.time.now += 29 * day;
    const second = await refresh(world, first.refreshToken);
    world.time.now += 30 * day;
    expect(await world.identity.refresh(second.refreshToken, HERE)).toEqual({ kind: 'invalid-credentials' });
  });

  test.each(['', 'mdr_', 'mdr_short', `mdr_${'!'.repeat(43)}`, `mdk_${'a'.repeat(43)}`, 'a.b.c'])(
    'is not %j',
    async (token) => {
      expect(await newWorld().identity.refresh(token, HERE)).toEqual({ kind: 'invalid-credentials' });
    },
  );
});

function sessionIdOf(principal: Awaited<ReturnType<World['principal']>>) {
  return principal.kind === 'user' ? principal.sessionId : undefined;
}

describe('another workspace', () => {
  test('is entered by a member, with new tokens; the old ones end', async () => {
    const world = newWorld();
    const owner = await world.principal(await world.signUp('owner@example.com'));
    const own = await world.signUp('ada@example.com');
    const before = await world.principal(own);
    await world.workspaces.putMember(owner, { email: 'ada@example.com', role: 'EDITOR' });
    const signedIn = await world.identity.switchWorkspace(before, owner.workspaceId);
    expect(await world.principal(signedIn)).toMatchObject({ workspaceId: owner.workspaceId, role: 'EDITOR' });
    expect(await world.identity.authenticate(bearer(own.accessToken))).toBeUndefined();
    expect(await world.identity.refresh(own.refreshToken, HERE)).toEqual({ kind: 'invalid-credentials' });
    const refreshed = await refresh(world, signedIn.refreshToken);
    expect(refreshed.workspace.id).toBe(owner.workspaceId);
  });

  test('of others, or of nobody, does not exist', async () => {
    const world = newWorld();
    const stranger = await world.principal(await world.signUp('stranger@example.com'));
    const ada = await world.principal(await world.signUp('ada@example.com'));
    const nobodys = makeId('wsp', 0, new Uint8Array(10));
    for (const workspaceId of [stranger.workspaceId, nobodys]) {
      const attempt = world.identity.switchWorkspace(ada, workspaceId);
      await expect(attempt).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await world.identity.recheck(ada)).toEqual(ada);
  });

  test('that the user was removed from: the session goes on in their own', async () => {
    const world = newWorld();
    const owner = await world.principal(await world.signUp('owner@example.com'));
    const { signedIn, principal } = await join(world, owner, { email: 'ada@example.com', role: 'EDITOR' });
    await world.workspaces.removeMember(owner, principal.userId);
    expect(await world.identity.authenticate(bearer(signedIn.accessToken))).toBeUndefined();
    const refreshed = await refresh(world, signedIn.refreshToken);
    expect(refreshed.workspace.id).not.toBe(owner.workspaceId);
    expect(await world.principal(refreshed)).toMatchObject({ role: 'OWNER' });
  });
});
