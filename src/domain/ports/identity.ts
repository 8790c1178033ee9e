import type { ApiKeyId, CollectionId, SessionId, UserId, WorkspaceId } from '../ids.ts';
import type { ApiKeyScope, Role } from '../principal.ts';
import type { SystemScope, WorkspaceScope } from '../scope.ts';
import type { Unsubscribe } from './system.ts';

export interface UserRecord {
  readonly id: UserId;
  /** Lower-cased and trimmed. */
  readonly email: string;
  /** PHC string. */
  readonly passwordHash: string;
  /** The workspace a login starts in. */
  readonly defaultWorkspaceId: WorkspaceId;
}
export interface WorkspaceRecord {
  readonly id: WorkspaceId;
  readonly name: string;
  readonly defaultCollectionId: CollectionId;
}
export interface MembershipRecord {
  readonly userId: UserId;
  readonly role: Role;
  readonly workspace: WorkspaceRecord;
}
export interface NewWorkspace extends WorkspaceRecord {
  readonly ownerId: UserId;
  readonly quotaLimitMicros: number | null;
}

export interface UserRepository {
  /** User, workspace, OWNER membership, default collection and quota in one transaction. */
  createWithWorkspace(
    scope: SystemScope,
    user: UserRecord,
    workspace: NewWorkspace,
  ): Promise<'created' | 'email-taken'>;
  findByEmail(scope: SystemScope, email: string): Promise<UserRecord | undefined>;
  find(scope: SystemScope, userId: UserId): Promise<UserRecord | undefined>;
  /** True while nobody has an account. */
  isEmpty(scope: SystemScope): Promise<boolean>;
  listMemberships(scope: SystemScope, userId: UserId): Promise<readonly MembershipRecord[]>;
}

export interface MemberRecord {
  readonly userId: UserId;
  readonly email: string;
  readonly role: Role;
}
export interface WorkspaceRepository {
  /** Workspace, OWNER membership, default collection and quota in one transaction. */
  create(scope: SystemScope, workspace: NewWorkspace): Promise<void>;
  find(scope: WorkspaceScope): Promise<WorkspaceRecord | undefined>;
  findRole(scope: WorkspaceScope, userId: UserId): Promise<Role | undefined>;
  /** Oldest member first. */
  listMembers(scope: WorkspaceScope): Promise<readonly MemberRecord[]>;
  /** Adds, or changes the role. The last OWNER cannot be demoted. */
  putMember(scope: WorkspaceScope, userId: UserId, role: Role): Promise<'put' | 'last-owner'>;
  removeMember(scope: WorkspaceScope, userId: UserId): Promise<'removed' | 'not-a-member' | 'last-owner'>;
}

export interface CollectionRecord {
  readonly id: CollectionId;
  readonly name: string;
  readonly createdAt: number;
}
export interface CollectionRepository {
  create(scope: WorkspaceScope, collection: CollectionRecord): Promise<'created' | 'name-taken'>;
  find(scope: WorkspaceScope, collectionId: CollectionId): Promise<CollectionRecord | undefined>;
  /** Oldest first; bounded by the quota of collections. */
  list(scope: WorkspaceScope): Promise<readonly CollectionRecord[]>;
}

/** A session is one login: a family of refresh tokens of which exactly one is valid. */
export interface SessionRecord {
  readonly id: SessionId;
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  readonly revoked: boolean;
}
export interface SessionRepository {
  create(scope: SystemScope, session: NewSession): Promise<void>;
  /**
   * Exchanges a refresh token, exactly once. A token that was already exchanged revokes its whole session and says so:
   * either a thief or the owner holds a copy, and nobody can tell which (RFC 9700, 4.14.2).
   */
  rotate(scope: SystemScope, rotation: Rotation): Promise<RotationOutcome>;
  find(scope: SystemScope, sessionId: SessionId): Promise<SessionRecord | undefined>;
  revoke(scope: SystemScope, sessionId: SessionId): Promise<void>;
  /** Moves the session to another workspace of the user. */
  switchWorkspace(scope: SystemScope, sessionId: SessionId, workspaceId: WorkspaceId): Promise<void>;
}
export interface NewSession {
  readonly id: SessionId;
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  /** Lower-case hex SHA-256 of the refresh token; the token itself is never stored. */
  readonly refreshTokenHash: string;
  readonly expiresAt: number;
}
export interface Rotation {
  readonly refreshTokenHash: string;
  readonly nextRefreshTokenHash: string;
  readonly nextExpiresAt: number;
  readonly now: number;
}
export type RotationOutcome =
  | { readonly kind: 'rotated'; readonly session: SessionRecord }
  | { readonly kind: 'reused'; readonly session: SessionRecord }
  | { readonly kind: 'unknown' };

export interface ApiKeyRecord {
  readonly id: ApiKeyId;
  readonly workspaceId: WorkspaceId;
  readonly userId: UserId;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly ApiKeyScope[];
  /** Lower-case hex SHA-256 of the whole key. */
  readonly secretHash: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}
export interface ApiKeyRepository {
  create(scope: WorkspaceScope, apiKey: ApiKeyRecord): Promise<void>;
  findByHash(scope: SystemScope, secretHash: string): Promise<ApiKeyRecord | undefined>;
  /** Newest first, revoked ones left out. */
  list(scope: WorkspaceScope): Promise<readonly ApiKeyRecord[]>;
  revoke(scope: WorkspaceScope, apiKeyId: ApiKeyId, now: number): Promise<'revoked' | 'unknown'>;
}

/** Argon2id; slow on purpose, so calls queue behind a bounded pool. Throws RATE_LIMITED when the queue is full. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}

/** Claims of an access token (RFC 9068 names): sub user, wid workspace, sid session. */
export interface AccessClaims {
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  readonly sessionId: SessionId;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
export interface AccessTokenSigner {
  sign(claims: AccessClaims): Promise<string>;
  /** undefined: not ours, altered, wrong algorithm, type, audience or issuer, or expired. */
  verify(token: string): Promise<AccessClaims | undefined>;
}

/** What has to be known at every request beside the token itself. */
export interface SessionState {
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  /** undefined: no longer a member. */
  readonly role: Role | undefined;
  readonly revoked: boolean;
  /** undefined: ask the repositories. */
  readonly account?: SessionAccount | undefined;
}
/** What a user reads of themselves. An e-mail address never changes; memberships change only with `invalidate`. */
export interface SessionAccount {
  readonly email: string;
  readonly memberships: readonly MembershipRecord[];
}
/** Holds what the repositories said; a miss is asked there again, so forgetting lets nobody in. */
export interface SessionCache {
  find(scope: SystemScope, sessionId: SessionId): Promise<SessionState | undefined>;
  put(scope: SystemScope, sessionId: SessionId, state: SessionState): Promise<void>;
  /** Seen by every node before it resolves. */
  invalidate(scope: SystemScope, target: InvalidationTarget): Promise<void>;
  /**
   * Calls the listener whenever any node has invalidated something, soon after it; with undefined when that may have
   * been missed, so that it may have been anything. The listener must not throw and must not wait.
   */
  onInvalidated(scope: SystemScope, listener: InvalidationListener): Unsubscribe;
}
export type InvalidationTarget = { readonly sessionId: SessionId } | { readonly userId: UserId };
export type InvalidationListener = (target: InvalidationTarget | undefined) => void;
