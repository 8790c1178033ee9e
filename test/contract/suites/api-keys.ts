import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiKeyRecord } from '../../../src/domain/ports/identity.ts';
import { SYSTEM_SCOPE } from '../../../src/domain/scope.ts';
import { AWKWARD_TEXT, ids, sha256 } from '../../support/fixtures.ts';
import {
  createTenant,
  type MakeRelational,
  type RelationalHarness,
  type Tenant,
} from './relational-harness.ts';

export function describeApiKeyRepository(name: string, make: MakeRelational): void {
  describe(`ApiKeyRepository: ${name}`, () => {
    let harness: RelationalHarness;
    let tenant: Tenant;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      tenant = await createTenant(harness);
    });

    const create = async (overrides: Partial<ApiKeyRecord> = {}): Promise<ApiKeyRecord> => {
      harness.clock.advance(1);
      const id = ids.next('key');
      const apiKey: ApiKeyRecord = {
        ...{ id, workspaceId: tenant.workspaceId, userId: tenant.userId, name: AWKWARD_TEXT, role: 'EDITOR' },
        ...{ scopes: ['READ', 'CHAT'], secretHash: sha256(id), revokedAt: null },
        createdAt: harness.clock.now(),
        ...overrides,
      };
      await harness.apiKeys.create(tenant.scope, apiKey);
      return apiKey;
    };

    it('is found by the hash of its secret, in whatever workspace it is', async () => {
      const apiKey = await create();
      expect(await harness.apiKeys.findByHash(SYSTEM_SCOPE, apiKey.secretHash)).toEqual(apiKey);
      expect(await harness.apiKeys.findByHash(SYSTEM_SCOPE, sha256('unknown'))).toBeUndefined();
    });

    it('is listed, newest first, until it is revoked', async () => {
      const [first, second, third] = [await create(), await create({ scopes: [] }), await create()];
      expect(await harness.apiKeys.list(tenant.scope)).toEqual([third, second, first]);
      const now = harness.clock.now() + 5;
      expect(await harness.apiKeys.revoke(tenant.scope, second.id, now)).toBe('revoked');
      expect(await harness.apiKeys.list(tenant.scope)).toEqual([third, first]);
      const found = await harness.apiKeys.findByHash(SYSTEM_SCOPE, second.secretHash);
      expect(found).toEqual({ ...second, revokedAt: now });
      expect(await harness.apiKeys.revoke(tenant.scope, second.id, now + 1)).toBe('unknown');
      expect(await harness.apiKeys.revoke(tenant.scope, ids.next('key'), now)).toBe('unknown');
    });

    it('is neither listed nor revoked from another workspace', async () => {
      const apiKey = await create();
      const other = await createTenant(harness);
      expect(await harness.apiKeys.list(other.scope)).toEqual([]);
      expect(await harness.apiKeys.revoke(other.scope, apiKey.id, harness.clock.now())).toBe('unknown');
      expect(await harness.apiKeys.findByHash(SYSTEM_SCOPE, apiKey.secretHash)).toEqual(apiKey);
    });
  });
}
