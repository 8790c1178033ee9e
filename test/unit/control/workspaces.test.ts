import { describe, expect, test } from 'vitest';
import { makeId } from '../../../src/domain/ids.ts';
import type { Principal } from '../../../src/domain/principal.ts';
import { join, newWorld } from './control-world.ts';

async function setUp() {
  const world = newWorld({ quotaLimitMicros: 5_000 });
  const owner = await world.principal(await world.signUp('owner@example.com'));
  const member = async (role: Principal['role']) =>
    (await join(world, owner, { email: `${role.toLowerCase()}@example.com`, role })).principal;
  return { world, owner, member };
}

describe('members', () => {
  test('a changed role holds from the next call on', async () => {
    const { world, owner, member } = await setUp();
    const editor = await member('EDITOR');
    expect(await world.workspaces.putMember(owner, { email: ' EDITOR@example.com', role: 'VIEWER' })).toBe(
      'done',
    );
    expect(await world.identity.recheck(editor)).toEqual({ ...editor, role: 'VIEWER' });
  });

  test('a removed member is out at once', async () => {
    const { world, owner, member } = await setUp();
    const editor = await member('EDITOR');
    expect(await world.workspaces.removeMember(owner, editor.userId)).toBe('done');
    expect(await world.identity.recheck(editor)).toBeUndefined();
    expect(await world.workspaces.removeMember(owner, editor.userId)).toBe('unknown-user');
  });

  test('what a user reads of themselves follows every change', async () => {
    const { world, owner, member } = await setUp();
    const editor = await member('EDITOR');
    const roles = async () => {
      const memberships = await world.identity.listMemberships(editor);
      return Object.fromEntries(memberships.map(({ role, workspace }) => [workspace.id, role]));
    };
    const before = await roles();
    expect(before[owner.workspaceId]).toBe('EDITOR');
    expect(await world.identity.getUser(editor)).toEqual({ id: editor.userId, email: 'editor@example.com' });
    await world.workspaces.putMember(owner, { email: 'editor@example.com', role: 'VIEWER' });
    const created = await world.workspaces.create(editor, { name: 'Mine' });
    expect(await roles()).toEqual({ ...before, [owner.workspaceId]: 'VIEWER', [created.id]: 'OWNER' });
  });

  test('an admin neither makes owners nor touches them', async () => {
    const { world, owner, member } = await setUp();
    const admin = await member('ADMIN');
    const attempts = [
      () => world.workspaces.putMember(admin, { email: 'admin@example.com', role: 'OWNER' }),
      () => world.workspaces.putMember(admin, { email: 'owner@example.com', role: 'VIEWER' }),
      () => world.workspaces.removeMember(admin, owner.userId),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await world.workspaces.listMembers(owner)).toMatchObject([{ role: 'OWNER' }, { role: 'ADMIN' }]);
  });

  test('editors and viewers manage nobody, but may leave', async () => {
    const { world, owner, member } = await setUp();
    for (const principal of [await member('EDITOR'), await member('VIEWER')]) {
      const put = world.workspaces.putMember(principal, { email: 'owner@example.com', role: 'VIEWER' });
      await expect(put).rejects.toMatchObject({ code: 'FORBIDDEN' });
      const remove = world.workspaces.removeMember(principal, owner.userId);
      await expect(remove).rejects.toMatchObject({ code: 'FORBIDDEN' });
      expect(await world.workspaces.removeMember(principal, principal.userId)).toBe('done');
    }
    expect(await world.workspaces.listMembers(owner)).toHaveLength(1);
  });

  test('the last owner stays', async () => {
    const { world, owner } = await setUp();
    expect(await world.workspaces.putMember(owner, { email: 'owner@example.com', role: 'ADMIN' })).toBe(
      'last-owner',
    );
    expect(await world.workspaces.removeMember(owner, owner.userId)).toBe('last-owner');
    expect(await world.identity.recheck(owner)).toEqual(owner);
  });

  test('unknown people are said to be unknown', async () => {
    const { world, owner } = await setUp();
    expect(await world.workspaces.putMember(owner, { email: 'nobody@example.com', role: 'VIEWER' })).toBe(
      'unknown-user',
    );
    const nobody = makeId('usr', 0, new Uint8Array(10));
    expect(await world.workspaces.removeMember(owner, nobody)).toBe('unknown-user');
  });
});

describe('workspaces', () => {
  test('a new one has its maker as owner, a collection and a quota', async () => {
    const { world, owner } = await setUp();
    const workspace = await world.workspaces.create(owner, { name: '  Second ' });
    expect(workspace.name).toBe('Second');
    const inside = await world.principal(await world.identity.switchWorkspace(owner, workspace.id));
    expect(inside.role).toBe('OWNER');
    expect(await world.workspaces.listCollections(inside)).toMatchObject([
      { id: workspace.defaultCollectionId },
    ]);
    expect(await world.workspaces.quota(inside)).toMatchObject({ limitMicros: 5_000, usedMicros: 0 });
    expect(await world.workspaces.usage(inside)).toMatchObject({ messages: 0, costMicros: 0 });
  });

  test('nobody owns more than 20', async () => {
    const { world, owner } = await setUp();
    for (let count = 1; count < 20; count += 1) await world.workspaces.create(owner, { name: `No ${count}` });
    const oneMore = world.workspaces.create(owner, { name: 'One more' });
    await expect(oneMore).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

describe('collections', () => {
  test('have names of their own within the workspace', async () => {
    const { world, owner, member } = await setUp();
    const created = await world.workspaces.createCollection(owner, { name: ' Handbook ' });
    expect(created).toMatchObject({ name: 'Handbook' });
    expect(await world.workspaces.createCollection(owner, { name: 'Handbook' })).toBe('name-taken');
    const viewer = await member('VIEWER');
    expect(await world.workspaces.listCollections(viewer)).toContainEqual(created);
    const attempt = world.workspaces.createCollection(viewer, { name: 'Mine' });
    await expect(attempt).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('of another workspace are not seen', async () => {
    const { world, owner } = await setUp();
    await world.workspaces.createCollection(owner, { name: 'Secret' });
    const stranger = await world.principal(await world.signUp('stranger@example.com'));
    const names = (await world.workspaces.listCollections(stranger)).map(({ name }) => name);
    expect(names).not.toContain('Secret');
  });
});
