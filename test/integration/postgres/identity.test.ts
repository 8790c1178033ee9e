import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresReaper } from '../../../src/adapters/postgres/reaper.ts';
import {
  createPostgresRepositories,
  type PostgresRepositories,
} from '../../../src/adapters/postgres/repositories.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import {
  claim,
  DAY_MS,
  ids,
  makeTenant,
  newRun,
  openTestDatabase,
  sha256,
  silentLog,
  systemClock,
  type Tenant,
  type TestDatabase,
} from './harness.ts';

let test: TestDatabase;
let repositories: PostgresRepositories;
beforeAll(async () => {
  test = await openTestDatabase();
  repositories = createPostgresRepositories(test.database, { clock: systemClock, log: silentLog });
});
afterAll(async () => {
  await repositories.close();
  await test.close();
});

async function makeSession(tenant: Tenant, token: string, expiresAt = Date.now() + DAY_MS) {
  const id = ids.next('ses');
  const { userId, scope } = tenant;
  const refreshTokenHash = sha256(token);
  await repositories.sessions.create(SYSTEM_SCOPE, { id, userId, ...scope, refreshTokenHash, expiresAt });
  return { id, userId, ...scope };
}
function rotate(from: string, to: string, now = Date.now()) {
  return repositories.sessions.rotate(SYSTEM_SCOPE, {
    refreshTokenHash: sha256(from),
    nextRefreshTokenHash: sha256(to),
    nextExpiresAt: now + DAY_MS,
    now,
  });
}

describe('sign-up', () => {
  it('gives one address to one of many', async () => {
    const email = `${ids.next('usr')}@example.com`;
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => {
        const [id, workspaceId] = [ids.next('usr'), ids.next('wsp')];
        return repositories.users.createWithWorkspace(
          SYSTEM_SCOPE,
          { id, email, passwordHash: 'x', defaultWorkspaceId: workspaceId },
          {
            ...{ id: workspaceId, name: 'W', defaultCollectionId: ids.next('col'), ownerId: id },
            quotaLimitMicros: null,
          },
        );
      }),
    );
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    const { rows } = await test.database.pool.query(
      'SELECT count(*) FROM workspaces WHERE id NOT IN (SELECT workspace_id FROM memberships)',
    );
    expect(rows).toEqual([{ count: 0 }]);
  });
});

describe('refresh tokens', () => {
  it('are exchanged by one of many at once; the others revoke the session', async () => {
    const session = await makeSession(await makeTenant(test.database), 'r0');
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => rotate('r0', `r1-${index}`)));
    expect(outcomes.filter(({ kind }) => kind === 'rotated')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'reused')).toHaveLength(19);
    expect(await repositories.sessions.find(SYSTEM_SCOPE, session.id)).toEqual({ ...session, revoked: true });
    const winner = outcomes.findIndex(({ kind }) => kind === 'rotated');
    expect(await rotate(`r1-${winner}`, 'r2')).toEqual({ kind: 'unknown' });
  });

  it('form a chain in which only the newest works', async () => {
    const session = await makeSession(await makeTenant(test.database), 'c0');
    expect(await rotate('c0', 'c1')).toEqual({ kind: 'rotated', session: { ...session, revoked: false } });
    expect((await rotate('c1', 'c2')).kind).toBe('rotated');
    expect(await rotate('c0', 'c3')).toEqual({ kind: 'reused', session: { ...session, revoked: true } });
    expect(await rotate('c2', 'c4')).toEqual({ kind: 'unknown' });
  });

  it('end with their time and with the session', async () => {
    const tenant = await makeTenant(test.database);
    const now = Date.now();
    await makeSession(tenant, 'e0', now);
    expect(await rotate('e0', 'e1', now)).toEqual({ kind: 'unknown' });
    const session = await makeSession(tenant, 'f0');
    await repositories.sessions.revoke(SYSTEM_SCOPE, session.id);
    expect(await rotate('f0', 'f1')).toEqual({ kind: 'unknown' });
    expect(await rotate('never', 'n1')).toEqual({ kind: 'unknown' });
  });
});

describe('members', () => {
  it('keep an owner when two owners demote or remove each other at once', async () => {
    for (const act of ['putMember', 'removeMember'] as const) {
      const [one, two] = [await makeTenant(test.database), await makeTenant(test.database)];
      await repositories.workspaces.putMember(one.scope, two.userId, 'OWNER');
      const outcomes = await Promise.all(
        [one.userId, two.userId].map((userId) => repositories.workspaces[act](one.scope, userId, 'VIEWER')),
      );
      expect(outcomes.filter((outcome) => outcome === 'last-owner')).toHaveLength(1);
      const members = await repositories.workspaces.listMembers(one.scope);
      expect(members.filter(({ role }) => role === 'OWNER')).toHaveLength(1);
    }
  });

  it('are listed in the order of joining, and unknown users are told apart', async () => {
    const [tenant, second] = [await makeTenant(test.database), await makeTenant(test.database)];
    expect(await repositories.workspaces.putMember(tenant.scope, second.userId, 'EDITOR')).toBe('put');
    expect(await repositories.workspaces.putMember(tenant.scope, tenant.userId, 'VIEWER')).toBe('last-owner');
    const members = await repositories.workspaces.listMembers(tenant.scope);
    expect(members.map(({ userId, role }) => [userId, role])).toEqual([
      [tenant.userId, 'OWNER'],
      [second.userId, 'EDITOR'],
    ]);
    const memberships = await repositories.users.listMemberships(SYSTEM_SCOPE, second.userId);
    expect(memberships.map(({ workspace, role }) => [workspace.id, role])).toEqual([
      [second.scope.workspaceId, 'OWNER'],
      [tenant.scope.workspaceId, 'EDITOR'],
    ]);
    const nobody = repositories.workspaces.putMember(tenant.scope, ids.next('usr'), 'VIEWER');
    await expect(nobody).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('what expires', () => {
  it('is deleted, and nothing else is', async () => {
    const tenant = await makeTenant(test.database);
    const now = Date.now();
    const old = now - 2 * DAY_MS;
    await repositories.runs.begin(
      tenant.scope,
      newRun(tenant, { now: old, idempotency: claim('old', 'x', old) }),
    );
    await repositories.runs.begin(tenant.scope, newRun(tenant, { idempotency: claim('new', 'x') }));
    const expired = await makeSession(tenant, 'x0', now - 1);
    const alive = await makeSession(tenant, 'y0');
    const reaper = new PostgresReaper(test.database, { clock: systemClock, log: silentLog });
    expect(await reaper.reap()).toBeGreaterThanOrEqual(2);
    await reaper.close();
    expect(await repositories.sessions.find(SYSTEM_SCOPE, expired.id)).toBeUndefined();
    expect(await repositories.sessions.find(SYSTEM_SCOPE, alive.id)).toBeDefined();
    const { rows } = await test.database.pool.query(
      'SELECT key FROM idempotency_keys WHERE workspace_id = $1',
      [tenant.scope.workspaceId],
    );
    expect(rows).toEqual([{ key: 'new' }]);
  });
});
