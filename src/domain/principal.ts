import { DomainError } from './errors.ts';
import type { ApiKeyId, SessionId, UserId, WorkspaceId } from './ids.ts';
import type { WorkspaceScope } from './scope.ts';

export const ROLES = ['OWNER', 'ADMIN', 'EDITOR', 'VIEWER'] as const;
export type Role = (typeof ROLES)[number];

/** What an API key may be used for. A key never exceeds the role it was given. */
export const API_KEY_SCOPES = ['READ', 'WRITE', 'CHAT', 'MANAGE'] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

export type Action =
  | 'workspace:read'
  | 'workspace:manage'
  | 'member:manage'
  | 'apiKey:manage'
  | 'collection:manage'
  | 'deployment:manage'
  | 'document:read'
  | 'document:write'
  | 'chat';

interface PrincipalBase extends WorkspaceScope {
  readonly userId: UserId;
  readonly workspaceId: WorkspaceId;
  readonly role: Role;
}
export interface UserPrincipal extends PrincipalBase {
  readonly kind: 'user';
  readonly sessionId: SessionId;
  /** Milliseconds since the epoch; sockets close at this moment. */
  readonly expiresAt: number;
}
export interface ApiKeyPrincipal extends PrincipalBase {
  readonly kind: 'apiKey';
  readonly apiKeyId: ApiKeyId;
  readonly scopes: readonly ApiKeyScope[];
}
/** Who acts, in which workspace, as what. Made only by the identity service from a checked credential. */
export type Principal = UserPrincipal | ApiKeyPrincipal;

const VIEWER: readonly Action[] = ['workspace:read', 'document:read', 'chat'];
const EDITOR: readonly Action[] = [...VIEWER, 'document:write', 'collection:manage'];
const ADMIN: readonly Action[] = [...EDITOR, 'member:manage', 'apiKey:manage', 'deployment:manage'];
const ACTIONS_OF_ROLE: Readonly<Record<Role, ReadonlySet<Action>>> = {
  VIEWER: new Set(VIEWER),
  EDITOR: new Set(EDITOR),
  ADMIN: new Set(ADMIN),
  OWNER: new Set([...ADMIN, 'workspace:manage'] satisfies Action[]),
};
const ACTIONS_OF_SCOPE: Readonly<Record<ApiKeyScope, ReadonlySet<Action>>> = {
  READ: new Set<Action>(['workspace:read', 'document:read']),
  WRITE: new Set<Action>(['document:read', 'document:write', 'collection:manage']),
  CHAT: new Set<Action>(['workspace:read', 'document:read', 'chat']),
  MANAGE: new Set<Action>(['member:manage', 'apiKey:manage', 'deployment:manage', 'workspace:manage']),
};

export function isAllowed(principal: Principal, action: Action): boolean {
  if (!ACTIONS_OF_ROLE[principal.role].has(action)) return false;
  return principal.kind === 'user' || principal.scopes.some((scope) => ACTIONS_OF_SCOPE[scope].has(action));
}

/** Every service method calls this first. Throws FORBIDDEN. */
export function authorize(principal: Principal, action: Action): void {
  if (!isAllowed(principal, action)) throw new DomainError('FORBIDDEN', 'Your role does not allow this.');
}

/** True when `role` may hand out `other`: nobody makes somebody mightier than themselves. */
export function roleCovers(role: Role, other: Role): boolean {
  return ROLES.indexOf(role) <= ROLES.indexOf(other);
}

/** Stable key of a principal for idempotency and rate limits: one API key is one caller, whoever owns it. */
export function principalKey(principal: Principal): string {
  return principal.kind === 'user' ? principal.userId : principal.apiKeyId;
}
