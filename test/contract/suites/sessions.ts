import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rotation } from '../../../src/domain/ports/identity.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { ids, sha256 } from '../../support/fixtures.ts';
import {
  countKinds,
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  type Tenant,
} from './relational-harness.ts';

const LIFE_MS = 60_000;

export function describeSessionRepository(name: string, make: MakeRelational): void {
  describe(`SessionRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    beforeAll(async () => {
      harness = await make();
      tenant = await createTenant(harness);
    });
    afterAll(() => harness.close());
    const now = () => harness.clock.now();
    const find = (id: Parameters<RelationalHarness['sessions']['find']>[1]) =>
      harness.sessions.find(SYSTEM_SCOPE, id);

    const signIn = async () => {
      const id = ids.next('ses');
      const token = sha256(id);
      const { userId, workspaceId } = tenant;
      const session = { id, userId, workspaceId, refreshTokenHash: token, expiresAt: now() + LIFE_MS };
      await harness.sessions.create(SYSTEM_SCOPE, session);
      return { token, session: { id, userId, workspaceId, revoked: false } };
    };
    const rotate = (token: string, overrides: Partial<Rotation> = {}) =>
      harness.sessions.rotate(SYSTEM_SCOPE, {
        refreshTokenHash: token,
        nextRefreshTokenHash: sha256(ids.next('ses')),
        nextExpiresAt: now() + LIFE_MS,
        now: now(),
        ...overrides,
      });

    it('finds what was created', async () => {
      const { session } = await signIn();
      expect(await find(session.id)).toEqual(session);
      expect(await find(ids.next('ses'))).toBeUndefined();
    });

    describe('rotate', () => {
      it('exchanges token after token', async () => {
        const { token, session } = await signIn();
        let current = token;
        for (let round = 0; round < 3; round += 1) {
          const next = sha256(ids.next('ses'));
          const outcome = await rotate(current, { nextRefreshTokenHash: next });
          expect(outcome).toEqual({ kind: 'rotated', session });
          current = next;
        }
      });

      it('revokes the session when a token comes twice, and with it the token that is still unused', async () => {
        const { token, session } = await signIn();
        const next = sha256(ids.next('ses'));
        await rotate(token, { nextRefreshTokenHash: next });
        const revoked = { ...session, revoked: true };
        expect(await rotate(token)).toEqual({ kind: 'reused', session: revoked });
        expect(await find(session.id)).toEqual(revoked);
        expect(await rotate(next)).toEqual({ kind: 'unknown' });
        expect(await rotate(token)).toEqual({ kind: 'reused', session: revoked });
      });

      it('lets one of many simultaneous exchanges of a token through, and revokes', async () => {
        const { token, session } = await signIn();
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => rotate(token)));
        expect(countKinds(outcomes)).toEqual({ rotated: 1, reused: 19 });
        expect(await find(session.id)).toMatchObject({ revoked: true });
      });

      it('does not know tokens that were never given, or that expired', async () => {
        expect(await rotate(sha256('never'))).toEqual({ kind: 'unknown' });
        const { token, session } = await signIn();
        harness.clock.advance(LIFE_MS + 1);
        expect(await rotate(token)).toEqual({ kind: 'unknown' });
        expect(await find(session.id)).toEqual(session);
      });

      it('gives the next token a life of its own', async () => {
        const { token } = await signIn();
        harness.clock.advance(LIFE_MS - 1);
        const next = sha256(ids.next('ses'));
        expect(await rotate(token, { nextRefreshTokenHash: next })).toMatchObject({ kind: 'rotated' });
        harness.clock.advance(LIFE_MS - 1);
        expect(await rotate(next)).toMatchObject({ kind: 'rotated' });
      });

      it('leaves other sessions of the user alone', async () => {
        const [one, two] = [await signIn(), await signIn()];
        await rotate(one.token);
        await rotate(one.token);
        expect(await rotate(two.token)).toEqual({ kind: 'rotated', session: two.session });
      });
    });

    it('revokes for good, as often as it is told', async () => {
      const { token, session } = await signIn();
      await harness.sessions.revoke(SYSTEM_SCOPE, session.id);
      await harness.sessions.revoke(SYSTEM_SCOPE, session.id);
      await harness.sessions.revoke(SYSTEM_SCOPE, ids.next('ses'));
      expect(await find(session.id)).toEqual({ ...session, revoked: true });
      expect(await rotate(token)).toEqual({ kind: 'unknown' });
    });

    it('moves to another workspace and stays there through rotation', async () => {
      const { token, session } = await signIn();
      const { workspaceId } = await createTenant(harness);
      await harness.sessions.switchWorkspace(SYSTEM_SCOPE, session.id, workspaceId);
      expect(await find(session.id)).toEqual({ ...session, workspaceId });
      expect(await rotate(token)).toEqual({ kind: 'rotated', session: { ...session, workspaceId } });
    });
  });
}
