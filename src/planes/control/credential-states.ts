import { isDeepStrictEqual } from 'node:util';
import { type ApiKeyId, type SessionId, trustedId, type UserId } from '../../domain/ids.ts';
import type {
  ApiKeyRecord,
  MembershipRecord,
  SessionAccount,
  SessionCache,
  SessionRepository,
  SessionState,
  UserRepository,
  WorkspaceRepository,
} from '../../domain/ports/identity.ts';
import type { Unsubscribe } from '../../domain/ports/system.ts';
import type { Principal } from '../../domain/principal.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import type { CredentialListener } from '../services.ts';

interface CredentialStatesDeps {
  readonly sessions: SessionRepository;
  readonly users: Pick<UserRepository, 'find' | 'listMemberships'>;
  readonly workspaces: WorkspaceRepository;
  readonly sessionCache: SessionCache;
}

/** Who has more is asked of the repositories each time: a state is read at every request. */
const ACCOUNT_MEMBERSHIPS_MAX = 16;

/**
 * What has to be known of a session or an API key at every request: revoked or not, and the user's role now. Held in
 * the session cache, read again from the repositories on a miss, and forgotten everywhere the moment it changes.
 */
export class CredentialStates {
  readonly #deps: CredentialStatesDeps;
  /** Counts what this process made forgotten, so that a read begun before it is not remembered after it. */
  #invalidationCount = 0;

  constructor(deps: CredentialStatesDeps) {
    this.#deps = deps;
  }

  ofSession(sessionId: SessionId): Promise<SessionState | undefined> {
    return this.#load(sessionId, async () => {
      const session = await this.#deps.sessions.find(SYSTEM_SCOPE, sessionId);
      if (session === undefined) return undefined;
      const { userId, workspaceId, revoked } = session;
      const [user, memberships] = await Promise.all([
        this.#deps.users.find(SYSTEM_SCOPE, userId),
        this.#deps.users.listMemberships(SYSTEM_SCOPE, userId),
      ]);
      const role = memberships.find(({ workspace }) => workspace.id === workspaceId)?.role;
      return { userId, workspaceId, role, revoked, account: accountOf(user?.email, memberships) };
    });
  }

  /** `read` gives the key's row as it is now; asked only when the cache does not know. */
  ofApiKey(
    apiKeyId: ApiKeyId,
    read: () => Promise<ApiKeyRecord | undefined>,
  ): Promise<SessionState | undefined> {
    return this.#load(cacheKeyOf(apiKeyId), async () => {
      const apiKey = await read();
      if (apiKey === undefined) return undefined;
      const { userId, workspaceId, revokedAt } = apiKey;
      const role = await this.#deps.workspaces.findRole({ workspaceId }, userId);
      return { userId, workspaceId, role, revoked: revokedAt !== null };
    });
  }

  /** To be called after the change is stored, and awaited before it is reported as done. */
  async forgetSession(sessionId: SessionId): Promise<void> {
    this.#invalidationCount += 1;
    await this.#deps.sessionCache.invalidate(SYSTEM_SCOPE, { sessionId });
  }

  forgetApiKey(apiKeyId: ApiKeyId): Promise<void> {
    return this.forgetSession(cacheKeyOf(apiKeyId));
  }

  async forgetUser(userId: UserId): Promise<void> {
    this.#invalidationCount += 1;
    await this.#deps.sessionCache.invalidate(SYSTEM_SCOPE, { userId });
  }

  /** The listener is told whose credentials may be others now than a moment ago, changed by whichever node. */
  onChange(listener: CredentialListener): Unsubscribe {
    return this.#deps.sessionCache.onInvalidated(SYSTEM_SCOPE, (target) =>
      listener((principal) => {
        if (target === undefined) return true;
        if ('userId' in target) return principal.userId === target.userId;
        return target.sessionId === keyOf(principal);
      }),
    );
  }

  async #load(
    key: SessionId,
    read: () => Promise<SessionState | undefined>,
  ): Promise<SessionState | undefined> {
    const { sessionCache } = this.#deps;
    const cached = await sessionCache.find(SYSTEM_SCOPE, key);
    if (cached !== undefined) return cached;
    const invalidationCount = this.#invalidationCount;
    const state = await read();
    if (state === undefined || invalidationCount !== this.#invalidationCount) return state;
    await sessionCache.put(SYSTEM_SCOPE, key, state);
    // Another node may have revoked between our read and our put, and its invalidation came before there was anything
    // to forget. Whatever was stored before this second read shows in it; whatever comes later is invalidated later.
    const now = await read();
    if (now === undefined || !sameState(state, now)) await this.forgetSession(key);
    return now;
  }
}

function keyOf(principal: Principal): SessionId {
  return principal.kind === 'user' ? principal.sessionId : cacheKeyOf(principal.apiKeyId);
}

/** API keys share the cache with sessions; the ids' random parts keep them apart. */
function cacheKeyOf(apiKeyId: ApiKeyId): SessionId {
  return trustedId('ses', `ses_${apiKeyId.slice(4)}`);
}

function accountOf(
  email: string | undefined,
  memberships: readonly MembershipRecord[],
): SessionAccount | undefined {
  if (email === undefined || memberships.length > ACCOUNT_MEMBERSHIPS_MAX) return undefined;
  return { email, memberships };
}

function sameState(one: SessionState, other: SessionState): boolean {
  return (
    isDeepStrictEqual(one.account, other.account) &&
    one.revoked === other.revoked &&
    one.role === other.role &&
    one.workspaceId === other.workspaceId &&
    one.userId === other.userId
  );
}
