import { generateKeyPairSync } from 'node:crypto';
import { Ed25519AccessTokenSigner } from '../../../src/adapters/jose/ed25519-access-token-signer.ts';
import { MemoryApiKeyRepository } from '../../../src/adapters/memory/memory-api-key-repository.ts';
import { MemoryCollectionRepository } from '../../../src/adapters/memory/memory-collection-repository.ts';
import { MemoryDatabase } from '../../../src/adapters/memory/memory-database.ts';
import { MemoryRateLimiter } from '../../../src/adapters/memory/memory-rate-limiter.ts';
import { MemorySessionCache } from '../../../src/adapters/memory/memory-session-cache.ts';
import { MemorySessionRepository } from '../../../src/adapters/memory/memory-session-repository.ts';
import { MemoryUsageLedger } from '../../../src/adapters/memory/memory-usage-ledger.ts';
import { MemoryUserRepository } from '../../../src/adapters/memory/memory-user-repository.ts';
import { MemoryWorkspaceRepository } from '../../../src/adapters/memory/memory-workspace-repository.ts';
import { UlidGenerator } from '../../../src/adapters/system/ids.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { SystemRandom } from '../../../src/adapters/system/random.ts';
import type { PasswordHasher } from '../../../src/domain/ports/identity.ts';
import type { Principal } from '../../../src/domain/principal.ts';
import {
  type ControlPlane,
  type ControlPlaneDeps,
  type ControlPlaneOptions,
  createControlPlane,
} from '../../../src/planes/control/control-plane.ts';
import type { SignedIn } from '../../../src/planes/services.ts';

export const PASSWORD = 'correct horse battery';
export const HERE = { address: '192.0.2.1' };

/** Instant, and counts its work. Argon2 itself has its own test. */
class CountingHasher implements PasswordHasher {
  hashCount = 0;
  verifyCount = 0;

  async hash(password: string): Promise<string> {
    this.hashCount += 1;
    return `hash of ${password}`;
  }

  async verify(hash: string, password: string): Promise<boolean> {
    this.verifyCount += 1;
    return hash === `hash of ${password}`;
  }
}

export interface World extends ControlPlane {
  readonly deps: ControlPlaneDeps & {
    readonly passwordHasher: CountingHasher;
    readonly database: MemoryDatabase;
  };
  readonly time: { now: number };
  signUp(email: string): Promise<SignedIn>;
  principal(signedIn: SignedIn): Promise<Principal>;
}

/** A control plane on memory adapters, with time in the test's hands. */
export function newWorld(
  options: Partial<ControlPlaneOptions> = {},
  overrides: (deps: ControlPlaneDeps) => Partial<ControlPlaneDeps> = () => ({}),
  time = { now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
): World {
  const clock = { now: () => time.now, sleep: async () => {} };
  const random = new SystemRandom();
  const database = new MemoryDatabase();
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const plain = {
    users: new MemoryUserRepository(database, clock),
    workspaces: new MemoryWorkspaceRepository(database, clock),
    collections: new MemoryCollectionRepository(database),
    sessions: new MemorySessionRepository(database),
    apiKeys: new MemoryApiKeyRepository(database),
    ledger: new MemoryUsageLedger(database),
    sessionCache: new MemorySessionCache(),
    rateLimiter: new MemoryRateLimiter({ clock }),
    passwordHasher: new CountingHasher(),
    accessTokenSigner: new Ed25519AccessTokenSigner({
      privateJwk: { kty: 'OKP', crv: 'Ed25519', kid: 'test', x: String(jwk.x), d: String(jwk.d) },
      issuer: 'multidb-test',
      audience: 'multidb-test',
      clock,
    }),
    clock,
    random,
    ids: new UlidGenerator(clock, random),
    log: noopLog,
    database,
  };
  const deps = { ...plain, ...overrides(plain), passwordHasher: plain.passwordHasher };
  const plane = createControlPlane(deps, { allowDemoPassword: true, ...options });
  return {
    ...plane,
    deps,
    time,
    async signUp(email) {
      const outcome = await plane.identity.signUp({ email, password: PASSWORD }, HERE);
      if (outcome.kind !== 'signed-in') throw new Error(`sign-up refused: ${outcome.kind}`);
      return outcome;
    },
    async principal({ accessToken }) {
      const principal = await plane.identity.authenticate(`Bearer ${accessToken}`);
      if (principal === undefined) throw new Error('not authenticated');
      return principal;
    },
  };
}

/** A user who joined somebody else's workspace and acts there. */
export async function join(
  world: World,
  owner: Principal,
  member: { readonly email: string; readonly role: Principal['role'] },
): Promise<{ readonly signedIn: SignedIn; readonly principal: Principal }> {
  const own = await world.principal(await world.signUp(member.email));
  await world.workspaces.putMember(owner, member);
  const signedIn = await world.identity.switchWorkspace(own, owner.workspaceId);
  return { signedIn, principal: await world.principal(signedIn) };
}
