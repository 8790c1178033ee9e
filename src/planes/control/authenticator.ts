import type {
  AccessTokenSigner,
  ApiKeyRecord,
  ApiKeyRepository,
  SessionState,
} from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';
import {
  type ApiKeyPrincipal,
  type Principal,
  type Role,
  roleCovers,
  type UserPrincipal,
} from '../../domain/principal.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import type { CredentialStates } from './credential-states.ts';
import { apiKeyHash, looksLikeApiKey } from './credentials.ts';

interface AuthenticatorDeps {
  readonly apiKeys: ApiKeyRepository;
  readonly accessTokenSigner: AccessTokenSigner;
  readonly states: CredentialStates;
  readonly clock: Clock;
}

/** Rows of API keys never change but for their revocation, which is asked of the credential's state. About 4 MB. */
const API_KEY_RECORD_COUNT_MAX = 10_000;
const AUTHORIZATION_SHAPE = /^Bearer +(\S+) *$/i;

/** From a credential to a principal. On the common path it reads two in-process maps and one cache, no repository. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  readonly #apiKeyRecords = new Map<string, ApiKeyRecord>();

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  async authenticate(authorization: string): Promise<Principal | undefined> {
    const credential = AUTHORIZATION_SHAPE.exec(authorization)?.[1];
    if (credential === undefined) return undefined;
    return looksLikeApiKey(credential) ? this.#byApiKey(credential) : this.#byAccessToken(credential);
  }

  async recheck(principal: Principal): Promise<Principal | undefined> {
    if (principal.kind === 'apiKey') {
      const state = await this.#deps.states.ofApiKey(principal.apiKeyId, async () => {
        const apiKeys = await this.#deps.apiKeys.list({ workspaceId: principal.workspaceId });
        return apiKeys.find(({ id }) => id === principal.apiKeyId);
      });
      return apiKeyPrincipal({ ...principal, id: principal.apiKeyId }, state);
    }
    if (principal.expiresAt <= this.#deps.clock.now()) return undefined;
    return userPrincipal(principal, await this.#deps.states.ofSession(principal.sessionId));
  }

  async #byAccessToken(token: string): Promise<UserPrincipal | undefined> {
    const claims = await this.#deps.accessTokenSigner.verify(token);
    if (claims === undefined) return undefined;
    return userPrincipal(claims, await this.#deps.states.ofSession(claims.sessionId));
  }

  async #byApiKey(secret: string): Promise<ApiKeyPrincipal | undefined> {
    const hash = apiKeyHash(secret);
    if (hash === undefined) return undefined;
    const read = () => this.#deps.apiKeys.findByHash(SYSTEM_SCOPE, hash);
    const apiKey = this.#apiKeyRecords.get(hash) ?? (await read());
    if (apiKey === undefined || apiKey.revokedAt !== null) return undefined;
    this.#remember(hash, apiKey);
    return apiKeyPrincipal(apiKey, await this.#deps.states.ofApiKey(apiKey.id, read));
  }

  #remember(hash: string, apiKey: ApiKeyRecord): void {
    this.#apiKeyRecords.delete(hash);
    if (this.#apiKeyRecords.size >= API_KEY_RECORD_COUNT_MAX) {
      const [oldest] = this.#apiKeyRecords.keys();
      if (oldest !== undefined) this.#apiKeyRecords.delete(oldest);
    }
    this.#apiKeyRecords.set(hash, apiKey);
  }
}

type UserClaims = Pick<UserPrincipal, 'userId' | 'workspaceId' | 'sessionId' | 'expiresAt'>;

/** A token made before its session moved to another workspace is refused: it names the one that was left. */
function userPrincipal(claims: UserClaims, state: SessionState | undefined): UserPrincipal | undefined {
  const { userId, workspaceId, sessionId, expiresAt } = claims;
  if (state === undefined || state.revoked || state.role === undefined) return undefined;
  if (state.userId !== userId || state.workspaceId !== workspaceId) return undefined;
  return { kind: 'user', userId, workspaceId, role: state.role, sessionId, expiresAt };
}

/** A key never does more than its owner may do now, and nothing once the owner has left the workspace. */
function apiKeyPrincipal(
  apiKey: Pick<ApiKeyRecord, 'id' | 'userId' | 'workspaceId' | 'role' | 'scopes'>,
  state: SessionState | undefined,
): ApiKeyPrincipal | undefined {
  if (state === undefined || state.revoked || state.role === undefined) return undefined;
  const { id: apiKeyId, userId, workspaceId, scopes } = apiKey;
  return { kind: 'apiKey', apiKeyId, userId, workspaceId, role: lesserRole(apiKey.role, state.role), scopes };
}

function lesserRole(one: Role, other: Role): Role {
  return roleCovers(one, other) ? other : one;
}
