import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT, ids } from '../../support/fixtures.ts';
import {
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  type Tenant,
} from './relational-harness.ts';

export function describeUserRepository(name: string, make: MakeRelational): void {
  describe(`UserRepository: ${name}`, () => {
    let harness: RelationalHarness;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());

    const newAccount = (email: string) => {
      const [userId, workspaceId, collectionId] = [ids.next('usr'), ids.next('wsp'), ids.next('col')];
      return {
        user: { id: userId, email, passwordHash: '$argon2id$v=19$x', defaultWorkspaceId: workspaceId },
        workspace: {
          ...{ id: workspaceId, name: AWKWARD_TEXT, defaultCollectionId: collectionId },
          ...{ ownerId: userId, quotaLimitMicros: 5_000 },
        },
      };
    };
    const create = ({ user, workspace }: ReturnType<typeof newAccount>) =>
      harness.users.createWithWorkspace(SYSTEM_SCOPE, user, workspace);

    it('creates user, workspace, ownership, default collection and quota at once', async () => {
      const account = newAccount(`${ids.next('usr')}@example.com`);
      const { user, workspace } = account;
      expect(await create(account)).toBe('created');
      expect(await harness.users.isEmpty(SYSTEM_SCOPE)).toBe(false);
      expect(await harness.users.find(SYSTEM_SCOPE, user.id)).toEqual(user);
      expect(await harness.users.findByEmail(SYSTEM_SCOPE, user.email)).toEqual(user);
      const scope = { workspaceId: workspace.id };
      const { id, name: workspaceName, defaultCollectionId } = workspace;
      const record = { id, name: workspaceName, defaultCollectionId };
      expect(await harness.workspaces.find(scope)).toEqual(record);
      expect(await harness.users.listMemberships(SYSTEM_SCOPE, user.id)).toEqual([
        { userId: user.id, role: 'OWNER', workspace: record },
      ]);
      expect(await harness.collections.find(scope, defaultCollectionId)).toMatchObject({
        id: defaultCollectionId,
      });
      expect(await harness.ledger.quota(scope, harness.clock.now())).toMatchObject({ limitMicros: 5_000 });
    });

    it('gives an e-mail address to one of many simultaneous sign-ups, and stores nothing of the others', async () => {
      const email = `${ids.next('usr')}@example.com`;
      const accounts = Array.from({ length: 10 }, () => newAccount(email));
      const outcomes = await Promise.all(accounts.map(create));
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'email-taken')).toHaveLength(9);
      for (const [index, { user, workspace }] of accounts.entries()) {
        const isWinner = outcomes[index] === 'created';
        expect((await harness.users.find(SYSTEM_SCOPE, user.id)) !== undefined).toBe(isWinner);
        const found = await harness.workspaces.find({ workspaceId: workspace.id });
        expect(found !== undefined).toBe(isWinner);
      }
    });

    it('finds nobody who is not there', async () => {
      expect(await harness.users.find(SYSTEM_SCOPE, ids.next('usr'))).toBeUndefined();
      expect(await harness.users.findByEmail(SYSTEM_SCOPE, 'nobody@example.com')).toBeUndefined();
      expect(await harness.users.listMemberships(SYSTEM_SCOPE, ids.next('usr'))).toEqual([]);
    });
  });
}

export function describeWorkspaceRepository(name: string, make: MakeRelational): void {
  describe(`WorkspaceRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    let guest: Tenant;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      tenant = await createTenant(harness);
      guest = await createTenant(harness);
    });

    it('creates a further workspace with its owner, collection and quota', async () => {
      const record = { id: ids.next('wsp'), name: AWKWARD_TEXT, defaultCollectionId: ids.next('col') };
      const workspace = { ...record, ownerId: tenant.userId, quotaLimitMicros: null };
      await harness.workspaces.create(SYSTEM_SCOPE, workspace);
      const scope = { workspaceId: record.id };
      expect(await harness.workspaces.find(scope)).toEqual(record);
      expect(await harness.workspaces.findRole(scope, tenant.userId)).toBe('OWNER');
      expect(await harness.collections.list(scope)).toMatchObject([{ id: record.defaultCollectionId }]);
      const memberships = await harness.users.listMemberships(SYSTEM_SCOPE, tenant.userId);
      expect(memberships.map((one) => one.workspace.id)).toEqual([tenant.workspaceId, record.id]);
    });

    it('adds members, changes their roles and lists the oldest first', async () => {
      const { scope } = tenant;
      const third = await createTenant(harness);
      expect(await harness.workspaces.putMember(scope, guest.userId, 'VIEWER')).toBe('put');
      expect(await harness.workspaces.putMember(scope, third.userId, 'ADMIN')).toBe('put');
      expect(await harness.workspaces.putMember(scope, guest.userId, 'EDITOR')).toBe('put');
      expect(await harness.workspaces.findRole(scope, guest.userId)).toBe('EDITOR');
      expect(await harness.workspaces.listMembers(scope)).toEqual([
        { userId: tenant.userId, email: tenant.email, role: 'OWNER' },
        { userId: guest.userId, email: guest.email, role: 'EDITOR' },
        { userId: third.userId, email: third.email, role: 'ADMIN' },
      ]);
    });

    it('removes members once', async () => {
      const { scope } = tenant;
      await harness.workspaces.putMember(scope, guest.userId, 'VIEWER');
      expect(await harness.workspaces.removeMember(scope, guest.userId)).toBe('removed');
      expect(await harness.workspaces.removeMember(scope, guest.userId)).toBe('not-a-member');
      expect(await harness.workspaces.findRole(scope, guest.userId)).toBeUndefined();
    });

    it('never loses its last owner', async () => {
      const { scope, userId } = tenant;
      expect(await harness.workspaces.putMember(scope, userId, 'ADMIN')).toBe('last-owner');
      expect(await harness.workspaces.removeMember(scope, userId)).toBe('last-owner');
      expect(await harness.workspaces.putMember(scope, userId, 'OWNER')).toBe('put');
      expect(await harness.workspaces.findRole(scope, userId)).toBe('OWNER');
      await harness.workspaces.putMember(scope, guest.userId, 'OWNER');
      expect(await harness.workspaces.putMember(scope, userId, 'VIEWER')).toBe('put');
      expect(await harness.workspaces.removeMember(scope, guest.userId)).toBe('last-owner');
    });

    it('keeps an owner when two owners leave, or demote each other, at once', async () => {
      const { scope, userId } = tenant;
      for (const change of ['demote', 'leave'] as const) {
        await harness.workspaces.putMember(scope, userId, 'OWNER');
        await harness.workspaces.putMember(scope, guest.userId, 'OWNER');
        await Promise.all(
          [userId, guest.userId].map((id) =>
            change === 'leave'
              ? harness.workspaces.removeMember(scope, id)
              : harness.workspaces.putMember(scope, id, 'VIEWER'),
          ),
        );
        const members = await harness.workspaces.listMembers(scope);
        expect(members.filter(({ role }) => role === 'OWNER')).toHaveLength(1);
        const [owner] = members.filter(({ role }) => role === 'OWNER');
        if (owner?.userId !== userId) await harness.workspaces.putMember(scope, userId, 'OWNER');
      }
    });

    it('knows members and roles of its own workspace only', async () => {
      expect(await harness.workspaces.findRole(guest.scope, tenant.userId)).toBeUndefined();
      expect(await harness.workspaces.removeMember(guest.scope, tenant.userId)).toBe('not-a-member');
      expect((await harness.workspaces.listMembers(guest.scope)).map(({ userId }) => userId)).toEqual([
        guest.userId,
      ]);
      await harness.workspaces.putMember(guest.scope, tenant.userId, 'VIEWER');
      expect(await harness.workspaces.findRole(tenant.scope, tenant.userId)).toBe('OWNER');
      expect(await harness.workspaces.find({ workspaceId: ids.next('wsp') })).toBeUndefined();
    });
  });
}

export function describeCollectionRepository(name: string, make: MakeRelational): void {
  describe(`CollectionRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    let other: Tenant;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      tenant = await createTenant(harness);
      other = await createTenant(harness);
    });
    const newCollection = (collectionName: string) => {
      harness.clock.advance(1);
      return { id: ids.next('col'), name: collectionName, createdAt: harness.clock.now() };
    };

    it('creates, finds and lists, oldest first', async () => {
      const made = [newCollection(AWKWARD_TEXT), newCollection('second')];
      for (const collection of made) {
        expect(await harness.collections.create(tenant.scope, collection)).toBe('created');
      }
      const listed = await harness.collections.list(tenant.scope);
      expect(listed.map(({ id }) => id)).toEqual([tenant.collectionId, ...made.map(({ id }) => id)]);
      expect(listed.slice(1)).toEqual(made);
      expect(await harness.collections.find(tenant.scope, made[0]?.id ?? tenant.collectionId)).toEqual(
        made[0],
      );
    });

    it('gives a name to one of many, within its workspace', async () => {
      const attempts = Array.from({ length: 8 }, () => newCollection('wanted'));
      const outcomes = await Promise.all(
        attempts.map((collection) => harness.collections.create(tenant.scope, collection)),
      );
      expect(outcomes.toSorted()).toEqual(['created', ...Array.from({ length: 7 }, () => 'name-taken')]);
      expect(await harness.collections.list(tenant.scope)).toHaveLength(2);
      expect(await harness.collections.create(other.scope, newCollection('wanted'))).toBe('created');
    });

    it('shows nothing to another workspace', async () => {
      expect(await harness.collections.find(other.scope, tenant.collectionId)).toBeUndefined();
      const listed = await harness.collections.list(other.scope);
      expect(listed.map(({ id }) => id)).toEqual([other.collectionId]);
    });
  });
}
