import { DomainError, notFound } from '../../domain/errors.ts';
import type { ApiKeyId, UserId, WorkspaceId } from '../../domain/ids.ts';
import type {
  ApiKeyRecord,
  MembershipRecord,
  PasswordHasher,
  SessionAccount,
  SessionRecord,
  SessionRepository,
  UserRecord,
  UserRepository,
  WorkspaceRecord,
} from '../../domain/ports/identity.ts';
import type { IdGenerator, Log, Unsubscribe } from '../../domain/ports/system.ts';
import type { Principal } from '../../domain/principal.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import type {
  CredentialListener,
  IdentityApi,
  LoginOutcome,
  Origin,
  SignedIn,
  SignUpOutcome,
} from '../services.ts';
import type { ApiKeyService, NewApiKey } from './api-key-service.ts';
import type { Authenticator } from './authenticator.ts';
import type { CredentialStates } from './credential-states.ts';
import {
  canonicalPassword,
  normalizeEmail,
  parseEmail,
  parseName,
  passwordProblem,
  refreshTokenHash,
} from './credentials.ts';
import type { LoginGuard } from './login-guard.ts';
import type { PasswordCheck } from './password-check.ts';
import type { SessionIssuer } from './session-issuer.ts';

interface IdentityServiceDeps {
  readonly users: UserRepository;
  readonly sessions: SessionRepository;
  readonly passwordHasher: PasswordHasher;
  readonly ids: IdGenerator;
  readonly log: Log;
  readonly guard: LoginGuard;
  readonly passwordCheck: PasswordCheck;
  readonly issuer: SessionIssuer;
  readonly states: CredentialStates;
  readonly authenticator: Authenticator;
  readonly apiKeyService: ApiKeyService;
}
interface IdentityServiceOptions {
  readonly allowDemoPassword: boolean;
  readonly signUpOpen: boolean;
  /** Of a new workspace, per month, in micro-units; null: unlimited. */
  readonly quotaLimitMicros: number | null;
}

/** Accounts, sessions and credentials. Every refusal of a password looks, and costs, the same. */
export class IdentityService implements IdentityApi {
  readonly #deps: IdentityServiceDeps;
  readonly #options: IdentityServiceOptions;

  constructor(deps: IdentityServiceDeps, options: IdentityServiceOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async signUp(
    input: { readonly email: string; readonly password: string; readonly workspaceName?: string | undefined },
    origin: Origin,
  ): Promise<SignUpOutcome> {
    if (!this.#options.signUpOpen) throw new DomainError('FORBIDDEN', 'Sign-up is closed on this server.');
    const admission = await this.#deps.guard.admitSignUp(origin.address);
    if (!admission.allowed) return tooManyAttempts(admission.retryAfterMs);
    const email = parseEmail(input.email);
    const name =
      input.workspaceName === undefined ? defaultWorkspaceName(email) : parseName(input.workspaceName);
    const problem = passwordProblem(input.password, email, this.#options.allowDemoPassword);
    if (problem !== undefined) return { kind: 'weak-password', message: problem };
    const { ids, passwordHasher } = this.#deps;
    const workspace = { id: ids.next('wsp'), name, defaultCollectionId: ids.next('col') };
    const passwordHash = await passwordHasher.hash(canonicalPassword(input.password));
    const user = { id: ids.next('usr'), email, passwordHash, defaultWorkspaceId: workspace.id };
    const created = await this.#deps.users.createWithWorkspace(SYSTEM_SCOPE, user, {
      ...workspace,
      ownerId: user.id,
      quotaLimitMicros: this.#options.quotaLimitMicros,
    });
    if (created === 'email-taken') return { kind: 'email-taken' };
    this.#deps.guard.signedIn(email, origin.address);
    return this.#deps.issuer.open(user, workspace);
  }

  async login(
    input: { readonly email: string; readonly password: string },
    origin: Origin,
  ): Promise<LoginOutcome> {
    const email = normalizeEmail(input.email);
    const admission = await this.#deps.guard.admitLogin(email, origin.address);
    if (!admission.allowed) return tooManyAttempts(admission.retryAfterMs);
    const user = await this.#deps.passwordCheck.findUser(email, input.password);
    if (user === undefined) return { kind: 'invalid-credentials' };
    this.#deps.guard.signedIn(email, origin.address);
    return this.#deps.issuer.open(user, await this.#workspaceOf(user, user.defaultWorkspaceId));
  }

  async refresh(refreshToken: string, origin: Origin): Promise<LoginOutcome> {
    const admission = await this.#deps.guard.admitRefresh(origin.address);
    if (!admission.allowed) return tooManyAttempts(admission.retryAfterMs);
    const presentedHash = refreshTokenHash(refreshToken);
    if (presentedHash === undefined) return { kind: 'invalid-credentials' };
    const session = await this.#rotate(presentedHash);
    return session ?? { kind: 'invalid-credentials' };
  }

  async logout(principal: Principal): Promise<void> {
    const { sessionId } = userOnly(principal);
    await this.#deps.sessions.revoke(SYSTEM_SCOPE, sessionId);
    await this.#deps.states.forgetSession(sessionId);
  }

  async switchWorkspace(principal: Principal, workspaceId: WorkspaceId): Promise<SignedIn> {
    const { sessionId, userId } = userOnly(principal);
    const user = await this.#user(userId);
    const memberships = await this.#deps.users.listMemberships(SYSTEM_SCOPE, userId);
    const membership = memberships.find(({ workspace }) => workspace.id === workspaceId);
    if (membership === undefined) throw notFound('workspace');
    const signedIn = await this.#deps.issuer.open(user, membership.workspace);
    await this.#deps.sessions.revoke(SYSTEM_SCOPE, sessionId);
    await this.#deps.states.forgetSession(sessionId);
    return signedIn;
  }

  authenticate(authorization: string): Promise<Principal | undefined> {
    return this.#deps.authenticator.authenticate(authorization);
  }

  recheck(principal: Principal): Promise<Principal | undefined> {
    return this.#deps.authenticator.recheck(principal);
  }

  onCredentialChange(listener: CredentialListener): Unsubscribe {
    return this.#deps.states.onChange(listener);
  }

  async getUser(principal: Principal): Promise<{ readonly id: UserId; readonly email: string }> {
    const { userId } = principal;
    const account = await this.#account(principal);
    const { email } = account ?? (await this.#user(userId));
    return { id: userId, email };
  }

  /** Of an API key: its one workspace, with what it may do there. */
  async listMemberships(principal: Principal): Promise<readonly MembershipRecord[]> {
    const account = await this.#account(principal);
    if (account !== undefined) return account.memberships;
    const memberships = await this.#deps.users.listMemberships(SYSTEM_SCOPE, principal.userId);
    if (principal.kind === 'user') return memberships;
    return memberships
      .filter(({ workspace }) => workspace.id === principal.workspaceId)
      .map((membership) => ({ ...membership, role: principal.role }));
  }

  createApiKey(
    principal: Principal,
    input: NewApiKey,
  ): Promise<{ readonly secret: string; readonly apiKey: ApiKeyRecord }> {
    return this.#deps.apiKeyService.create(principal, input);
  }

  listApiKeys(principal: Principal): Promise<readonly ApiKeyRecord[]> {
    return this.#deps.apiKeyService.list(principal);
  }

  revokeApiKey(principal: Principal, apiKeyId: ApiKeyId): Promise<void> {
    return this.#deps.apiKeyService.revoke(principal, apiKeyId);
  }

  async #rotate(presentedHash: string): Promise<SignedIn | undefined> {
    const { sessions, issuer, log } = this.#deps;
    const { rotation, refreshToken } = issuer.rotationOf(presentedHash);
    const outcome = await sessions.rotate(SYSTEM_SCOPE, rotation);
    if (outcome.kind === 'unknown') return undefined;
    const { session } = outcome;
    if (outcome.kind === 'reused') {
      await this.#deps.states.forgetSession(session.id);
      log.warn({ sessionId: session.id, userId: session.userId }, 'refresh token reused, session revoked');
      return undefined;
    }
    const user = await this.#deps.users.find(SYSTEM_SCOPE, session.userId);
    if (user === undefined) return undefined;
    const workspace = await this.#follow(user, session);
    return issuer.tokens({ user, workspace, sessionId: session.id, refreshToken });
  }

  /** A session whose user was removed from its workspace goes on in one where they still are. */
  async #follow(user: UserRecord, session: SessionRecord): Promise<WorkspaceRecord> {
    const workspace = await this.#workspaceOf(user, session.workspaceId);
    if (workspace.id !== session.workspaceId) {
      await this.#deps.sessions.switchWorkspace(SYSTEM_SCOPE, session.id, workspace.id);
      await this.#deps.states.forgetSession(session.id);
    }
    return workspace;
  }

  /** The preferred workspace, else the default one, else any. Throws FORBIDDEN when none is left. */
  async #workspaceOf(user: UserRecord, preferredId: WorkspaceId): Promise<WorkspaceRecord> {
    const memberships = await this.#deps.users.listMemberships(SYSTEM_SCOPE, user.id);
    const workspaces = memberships.map(({ workspace }) => workspace);
    const found =
      workspaces.find(({ id }) => id === preferredId) ??
      workspaces.find(({ id }) => id === user.defaultWorkspaceId) ??
      workspaces[0];
    if (found === undefined)
      throw new DomainError('FORBIDDEN', 'You are no longer a member of any workspace.');
    return found;
  }

  /** As it was read with the session's state, and is forgotten with it. */
  async #account(principal: Principal): Promise<SessionAccount | undefined> {
    if (principal.kind === 'apiKey') return undefined;
    return (await this.#deps.states.ofSession(principal.sessionId))?.account;
  }

  async #user(userId: UserId): Promise<UserRecord> {
    const user = await this.#deps.users.find(SYSTEM_SCOPE, userId);
    if (user === undefined) throw new DomainError('UNAUTHENTICATED', 'This account no longer exists.');
    return user;
  }
}

function userOnly(principal: Principal): Extract<Principal, { kind: 'user' }> {
  if (principal.kind === 'user') return principal;
  throw new DomainError('FORBIDDEN', 'An API key has no session.');
}

function tooManyAttempts(retryAfterMs: number): { kind: 'too-many-attempts'; retryAfterMs: number } {
  return { kind: 'too-many-attempts', retryAfterMs };
}

function defaultWorkspaceName(email: string): string {
  return `Workspace of ${[...email.slice(0, email.indexOf('@'))].slice(0, 40).join('')}`;
}
