import { describe, expect, test } from 'vitest';
import { HERE, newWorld, PASSWORD, type World } from './control-world.ts';

const login = (world: World, email: string, password = PASSWORD, origin = HERE) =>
  world.identity.login({ email, password }, origin);

describe('sign-up', () => {
  test('makes a user, a workspace of their own, and signs in', async () => {
    const world = newWorld();
    const signedIn = await world.signUp('  Ada@Example.COM ');
    expect(signedIn.user.email).toBe('ada@example.com');
    expect(signedIn.workspace.name).toBe('Workspace of ada');
    const principal = await world.principal(signedIn);
    expect(principal).toMatchObject({ kind: 'user', role: 'OWNER', workspaceId: signedIn.workspace.id });
    expect(await world.workspaces.current(principal)).toEqual(signedIn.workspace);
  });

  test('takes one address once, however it is written', async () => {
    const world = newWorld();
    await world.signUp('zoe\u0308@example.com');
    const again = await world.identity.signUp({ email: 'ZO\u00cb@example.com', password: PASSWORD }, HERE);
    expect(again.kind).toBe('email-taken');
  });

  test.each(['', 'nobody', '@example.com', 'a@b@c', 'a b@example.com', `a\0@b`, `${'a'.repeat(251)}@b.c`])(
    'refuses %j as an address',
    async (email) => {
      const signUp = newWorld().identity.signUp({ email, password: PASSWORD }, HERE);
      await expect(signUp).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    },
  );

  test.each([
    ['short', 'nine char'],
    ['long', 'x'.repeat(201)],
    ['the address itself', 'Someone@Example.com'],
  ])('refuses a password that is %s', async (_what, password) => {
    const outcome = await newWorld().identity.signUp({ email: 'someone@example.com', password }, HERE);
    expect(outcome.kind).toBe('weak-password');
  });

  test('counts characters, not UTF-16 units', async () => {
    const signUp = (password: string) =>
      newWorld().identity.signUp({ email: 'someone@example.com', password }, HERE);
    expect((await signUp('🦀'.repeat(9))).kind).toBe('weak-password');
    expect((await signUp('🦀'.repeat(200))).kind).toBe('signed-in');
  });
});

describe('login', () => {
  test('takes the password and nothing else', async () => {
    const world = newWorld();
    const { user } = await world.signUp('ada@example.com');
    expect(await login(world, 'ADA@example.com')).toMatchObject({ kind: 'signed-in', user });
    expect(await login(world, 'ada@example.com', `${PASSWORD}!`)).toEqual({ kind: 'invalid-credentials' });
    expect(await login(world, 'eve@example.com')).toEqual({ kind: 'invalid-credentials' });
    expect(await login(world, 'no address')).toEqual({ kind: 'invalid-credentials' });
  });

  test('takes a password however its characters were composed', async () => {
    const world = newWorld();
    await world.identity.signUp({ email: 'ada@example.com', password: 'cafe\u0301 au lait' }, HERE);
    expect((await login(world, 'ada@example.com', 'caf\u00e9 au lait')).kind).toBe('signed-in');
  });

  test('does the same work for an unknown user, for a wrong and for an endless password', async () => {
    const world = newWorld();
    await world.signUp('ada@example.com');
    await login(world, 'ada@example.com');
    const { passwordHasher } = world.deps;
    const attempts: [string, string][] = [
      ['ada@example.com', PASSWORD],
      ['ada@example.com', 'wrong password'],
      ['unknown@example.com', PASSWORD],
      ['unknown@example.com', 'x'.repeat(1_000_000)],
    ];
    for (const [email, password] of attempts) {
      const before = { ...passwordHasher };
      await login(world, email, password);
      expect(passwordHasher).toMatchObject({ ...before, verifyCount: before.verifyCount + 1 });
    }
  });
});

describe('limits', () => {
  const perMinute = (name: string, limit: number) => ({ name, limit, windowMs: 60_000 });

  test('hold per account, whatever address the attempts come from', async () => {
    const world = newWorld();
    await world.signUp('ada@example.com');
    const attempts = Array.from({ length: 15 }, (_, index) =>
      login(world, 'ada@example.com', 'guess number', { address: `198.51.100.${index}` }),
    );
    const kinds = (await Promise.all(attempts)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'invalid-credentials')).toHaveLength(10);
    expect(kinds.filter((kind) => kind === 'too-many-attempts')).toHaveLength(5);
    expect(world.deps.passwordHasher.verifyCount).toBe(10);
  });

  test('hold per address, whatever account the attempts are for', async () => {
    const world = newWorld({ loginLimits: { perAddress: perMinute('login-address', 5) } });
    const attempts = Array.from({ length: 8 }, (_, index) => login(world, `user${index}@example.com`));
    const kinds = (await Promise.all(attempts)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'too-many-attempts')).toHaveLength(3);
    const elsewhere = await login(world, 'user0@example.com', PASSWORD, { address: '203.0.113.9' });
    expect(elsewhere.kind).toBe('invalid-credentials');
  });

  test('say how long to wait, and waiting helps', async () => {
    const world = newWorld({ loginLimits: { perAccount: perMinute('login-account', 1) } });
    await login(world, 'ada@example.com', 'wrong password');
    const refused = await login(world, 'ada@example.com', 'wrong password');
    expect(refused).toEqual({ kind: 'too-many-attempts', retryAfterMs: 60_000 });
    world.time.now += 60_000;
    expect((await login(world, 'ada@example.com', 'wrong password')).kind).toBe('invalid-credentials');
  });

  test('emptied by a stranger leave the owner in, where they signed in before', async () => {
    const world = newWorld();
    await world.signUp('ada@example.com');
    const stranger = { address: '198.51.100.66' };
    for (let index = 0; index < 20; index += 1) {
      await login(world, 'ada@example.com', 'guess number', stranger);
    }
    expect((await login(world, 'ada@example.com', PASSWORD, stranger)).kind).toBe('too-many-attempts');
    expect((await login(world, 'ada@example.com')).kind).toBe('signed-in');
    for (let index = 0; index < 20; index += 1) await login(world, 'ada@example.com', 'wrong password');
    expect((await login(world, 'ada@example.com')).kind).toBe('too-many-attempts');
  });

  test('hold for sign-up and refresh too', async () => {
    const world = newWorld({
      loginLimits: {
        signUpPerAddress: perMinute('sign-up', 1),
        refreshPerAddress: perMinute('refresh', 1),
      },
    });
    const { refreshToken } = await world.signUp('ada@example.com');
    const second = await world.identity.signUp({ email: 'eve@example.com', password: PASSWORD }, HERE);
    expect(second.kind).toBe('too-many-attempts');
    await world.identity.refresh('nonsense', HERE);
    expect((await world.identity.refresh(refreshToken, HERE)).kind).toBe('too-many-attempts');
  });
});

describe('the demo user', () => {
  const demo = { email: 'test@example.com', password: 'testpassword123' };

  test('is seeded once, also by several at once', async () => {
    const world = newWorld();
    const outcomes = await Promise.all([world.seedDemo(), world.seedDemo()]);
    expect(outcomes.toSorted()).toEqual(['created', 'exists']);
    expect(await world.seedDemo()).toBe('exists');
    expect(world.deps.database.workspaces.size).toBe(1);
    expect(await world.identity.login(demo, HERE)).toMatchObject({
      kind: 'signed-in',
      user: { email: demo.email },
    });
  });

  test('is not seeded where somebody has an account', async () => {
    const world = newWorld();
    await world.identity.signUp({ email: 'first@example.com', password: 'a long enough password' }, HERE);
    expect(await world.seedDemo()).toBe('exists');
    expect(await world.identity.login(demo, HERE)).toEqual({ kind: 'invalid-credentials' });
  });

  test('is not seeded, and its password opens nothing, where that is not allowed', async () => {
    const world = newWorld();
    await world.seedDemo();
    const { verifyCount } = world.deps.passwordHasher;
    const strict = newWorld({ allowDemoPassword: false }, () => world.deps);
    await expect(strict.seedDemo()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await strict.identity.login(demo, HERE)).toEqual({ kind: 'invalid-credentials' });
    expect(world.deps.passwordHasher.verifyCount + strict.deps.passwordHasher.verifyCount).toBe(
      verifyCount + 1,
    );
    const signUp = await strict.identity.signUp({ ...demo, email: 'other@example.com' }, HERE);
    expect(signUp.kind).toBe('weak-password');
  });
});
