import { expect, test } from 'vitest';
import { isAllowed } from '../../../src/domain/principal.ts';
import { join, newWorld, type World } from './control-world.ts';

async function setUp() {
  const world = newWorld();
  const owner = await world.principal(await world.signUp('owner@example.com'));
  return { world, owner };
}
const FULL = { name: 'ci', role: 'EDITOR', scopes: ['READ', 'WRITE', 'CHAT'] } as const;
const authenticate = (world: World, secret: string) => world.identity.authenticate(`Bearer ${secret}`);

test('a key acts in its workspace, within its role and scopes, and is stored as a hash only', async () => {
  const { world, owner } = await setUp();
  const { secret, apiKey } = await world.identity.createApiKey(owner, { ...FULL, scopes: ['READ', 'READ'] });
  expect(secret).toMatch(/^mdk_[A-Za-z0-9_-]{43}$/);
  expect(apiKey.scopes).toEqual(['READ']);
  expect(JSON.stringify([...world.deps.database.apiKeys.values()])).not.toContain(secret);
  const principal = await authenticate(world, secret);
  expect(principal).toMatchObject({ kind: 'apiKey', workspaceId: owner.workspaceId, role: 'EDITOR' });
  if (principal === undefined) return;
  expect(isAllowed(principal, 'document:read')).toBe(true);
  expect(isAllowed(principal, 'document:write')).toBe(false);
  await expect(world.identity.listApiKeys(principal)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(await world.identity.recheck(principal)).toEqual(principal);
});

test('a revoked key is refused at once, though it was just used', async () => {
  const { world, owner } = await setUp();
  const { secret, apiKey } = await world.identity.createApiKey(owner, FULL);
  const principal = await authenticate(world, secret);
  expect(principal).toBeDefined();
  await world.identity.revokeApiKey(owner, apiKey.id);
  expect(await authenticate(world, secret)).toBeUndefined();
  expect(principal && (await world.identity.recheck(principal))).toBeUndefined();
  expect(await world.identity.listApiKeys(owner)).toEqual([]);
  await expect(world.identity.revokeApiKey(owner, apiKey.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a key revoked by another node is refused though this one remembers its row', async () => {
  const { world, owner } = await setUp();
  const { secret, apiKey } = await world.identity.createApiKey(owner, FULL);
  await authenticate(world, secret);
  const otherNode = newWorld({}, () => world.deps);
  await otherNode.identity.revokeApiKey(owner, apiKey.id);
  expect(await authenticate(world, secret)).toBeUndefined();
});

test("a key shrinks with its owner's role, and dies with their membership", async () => {
  const { world, owner } = await setUp();
  const { principal: admin } = await join(world, owner, { email: 'admin@example.com', role: 'ADMIN' });
  const { secret } = await world.identity.createApiKey(admin, FULL);
  await world.workspaces.putMember(owner, { email: 'admin@example.com', role: 'VIEWER' });
  expect(await authenticate(world, secret)).toMatchObject({ role: 'VIEWER' });
  await world.workspaces.removeMember(owner, admin.userId);
  expect(await authenticate(world, secret)).toBeUndefined();
});

test('nobody makes a key mightier than themselves', async () => {
  const { world, owner } = await setUp();
  const { principal: admin } = await join(world, owner, { email: 'admin@example.com', role: 'ADMIN' });
  const { principal: editor } = await join(world, owner, { email: 'editor@example.com', role: 'EDITOR' });
  const forbidden = { code: 'FORBIDDEN' };
  await expect(world.identity.createApiKey(admin, { ...FULL, role: 'OWNER' })).rejects.toMatchObject(
    forbidden,
  );
  await expect(world.identity.createApiKey(editor, { ...FULL, role: 'VIEWER' })).rejects.toMatchObject(
    forbidden,
  );
  const manager = await world.identity.createApiKey(admin, { name: 'm', role: 'ADMIN', scopes: ['MANAGE'] });
  const principal = await authenticate(world, manager.secret);
  if (principal === undefined) throw new Error('not authenticated');
  await expect(world.identity.createApiKey(principal, FULL)).rejects.toMatchObject(forbidden);
  const smaller = { name: 's', role: 'VIEWER', scopes: ['MANAGE'] } as const;
  expect((await world.identity.createApiKey(principal, smaller)).apiKey.role).toBe('VIEWER');
});

test('bad names and empty scopes are refused, and there is a most', async () => {
  const { world, owner } = await setUp();
  for (const name of ['', '  ', 'a\nb', 'x'.repeat(101)]) {
    const attempt = world.identity.createApiKey(owner, { ...FULL, name });
    await expect(attempt).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  }
  const noScopes = world.identity.createApiKey(owner, { ...FULL, scopes: [] });
  await expect(noScopes).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  for (let count = 0; count < 100; count += 1) await world.identity.createApiKey(owner, FULL);
  await expect(world.identity.createApiKey(owner, FULL)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});

test('a key sees its own workspace only, and has no session to end or move', async () => {
  const { world, owner } = await setUp();
  const other = await world.workspaces.create(owner, { name: 'Other' });
  const { secret } = await world.identity.createApiKey(owner, FULL);
  const principal = await authenticate(world, secret);
  if (principal === undefined) throw new Error('not authenticated');
  expect(await world.identity.listMemberships(owner)).toHaveLength(2);
  const memberships = await world.identity.listMemberships(principal);
  expect(memberships.map(({ role, workspace }) => [role, workspace.id])).toEqual([
    ['EDITOR', owner.workspaceId],
  ]);
  const attempts = [
    () => world.identity.logout(principal),
    () => world.identity.switchWorkspace(principal, other.id),
    () => world.workspaces.create(principal, { name: 'Mine' }),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('unknown and malformed keys are nobody', async () => {
  const { world } = await setUp();
  for (const secret of [`mdk_${'a'.repeat(43)}`, 'mdk_', `mdk_${'a'.repeat(100_000)}`]) {
    expect(await authenticate(world, secret)).toBeUndefined();
  }
});
