import { DomainError, notFound } from '../../domain/errors.ts';
import type { UserId } from '../../domain/ids.ts';
import type {
  CollectionRecord,
  CollectionRepository,
  MemberRecord,
  UserRepository,
  WorkspaceRecord,
  WorkspaceRepository,
} from '../../domain/ports/identity.ts';
import type { UsageLedger } from '../../domain/ports/runs.ts';
import type { Clock, IdGenerator } from '../../domain/ports/system.ts';
import { authorize, type Principal, type Role, roleCovers } from '../../domain/principal.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import type { Quota, UsageTotals } from '../../domain/usage.ts';
import type { MemberChangeOutcome, WorkspaceApi } from '../services.ts';
import type { CredentialStates } from './credential-states.ts';
import { normalizeEmail, parseName } from './credentials.ts';

interface WorkspaceServiceDeps {
  readonly users: UserRepository;
  readonly workspaces: WorkspaceRepository;
  readonly collections: CollectionRepository;
  readonly ledger: UsageLedger;
  readonly states: CredentialStates;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}
interface WorkspaceServiceOptions {
  /** Of a new workspace, per month, in micro-units; null: unlimited. */
  readonly quotaLimitMicros: number | null;
}

const OWNED_WORKSPACE_COUNT_MAX = 20;
const COLLECTION_COUNT_MAX = 100;

/** The principal's workspace: who is in it, what it holds, what it used. */
export class WorkspaceService implements WorkspaceApi {
  readonly #deps: WorkspaceServiceDeps;
  readonly #options: WorkspaceServiceOptions;

  constructor(deps: WorkspaceServiceDeps, options: WorkspaceServiceOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async current(principal: Principal): Promise<WorkspaceRecord> {
    authorize(principal, 'workspace:read');
    const workspace = await this.#deps.workspaces.find(scopeOf(principal));
    if (workspace === undefined) throw notFound('workspace');
    return workspace;
  }

  async usage(principal: Principal): Promise<UsageTotals> {
    authorize(principal, 'workspace:read');
    return this.#deps.ledger.totals(scopeOf(principal));
  }

  async quota(principal: Principal): Promise<Quota> {
    authorize(principal, 'workspace:read');
    return this.#deps.ledger.quota(scopeOf(principal), this.#deps.clock.now());
  }

  /** Any user may, up to a number; an API key belongs to one workspace and may not. */
  async create(principal: Principal, input: { readonly name: string }): Promise<WorkspaceRecord> {
    if (principal.kind === 'apiKey')
      throw new DomainError('FORBIDDEN', 'An API key cannot make a workspace.');
    const { ids, users, workspaces } = this.#deps;
    const name = parseName(input.name);
    const memberships = await users.listMemberships(SYSTEM_SCOPE, principal.userId);
    if (memberships.filter(({ role }) => role === 'OWNER').length >= OWNED_WORKSPACE_COUNT_MAX) {
      throw new DomainError('LIMIT_EXCEEDED', `You can own at most ${OWNED_WORKSPACE_COUNT_MAX} workspaces.`);
    }
    const workspace = { id: ids.next('wsp'), name, defaultCollectionId: ids.next('col') };
    const { quotaLimitMicros } = this.#options;
    await workspaces.create(SYSTEM_SCOPE, { ...workspace, ownerId: principal.userId, quotaLimitMicros });
    await this.#deps.states.forgetUser(principal.userId);
    return workspace;
  }

  async listMembers(principal: Principal): Promise<readonly MemberRecord[]> {
    authorize(principal, 'workspace:read');
    return this.#deps.workspaces.listMembers(scopeOf(principal));
  }

  async putMember(
    principal: Principal,
    input: { readonly email: string; readonly role: Role },
  ): Promise<MemberChangeOutcome> {
    authorize(principal, 'member:manage');
    requireRoleOver(principal, input.role);
    const user = await this.#deps.users.findByEmail(SYSTEM_SCOPE, normalizeEmail(input.email));
    if (user === undefined) return 'unknown-user';
    await this.#requireRoleOverMember(principal, user.id);
    const outcome = await this.#deps.workspaces.putMember(scopeOf(principal), user.id, input.role);
    if (outcome === 'last-owner') return outcome;
    await this.#deps.states.forgetUser(user.id);
    return 'done';
  }

  /** Everybody may leave; to remove another takes a role over theirs. */
  async removeMember(principal: Principal, userId: UserId): Promise<MemberChangeOutcome> {
    if (principal.kind === 'apiKey' || principal.userId !== userId) {
      authorize(principal, 'member:manage');
      await this.#requireRoleOverMember(principal, userId);
    }
    const outcome = await this.#deps.workspaces.removeMember(scopeOf(principal), userId);
    if (outcome === 'not-a-member') return 'unknown-user';
    if (outcome === 'last-owner') return outcome;
    await this.#deps.states.forgetUser(userId);
    return 'done';
  }

  async createCollection(
    principal: Principal,
    input: { readonly name: string },
  ): Promise<CollectionRecord | 'name-taken'> {
    authorize(principal, 'collection:manage');
    const name = parseName(input.name);
    const { collections, clock, ids } = this.#deps;
    const existing = await collections.list(scopeOf(principal));
    if (existing.length >= COLLECTION_COUNT_MAX) {
      throw new DomainError('LIMIT_EXCEEDED', `A workspace has at most ${COLLECTION_COUNT_MAX} collections.`);
    }
    const collection = { id: ids.next('col'), name, createdAt: clock.now() };
    const outcome = await collections.create(scopeOf(principal), collection);
    return outcome === 'created' ? collection : outcome;
  }

  async listCollections(principal: Principal): Promise<readonly CollectionRecord[]> {
    authorize(principal, 'document:read');
    return this.#deps.collections.list(scopeOf(principal));
  }

  async #requireRoleOverMember(principal: Principal, userId: UserId): Promise<void> {
    const role = await this.#deps.workspaces.findRole(scopeOf(principal), userId);
    if (role !== undefined) requireRoleOver(principal, role);
  }
}

function requireRoleOver(principal: Principal, role: Role): void {
  if (roleCovers(principal.role, role)) return;
  throw new DomainError('FORBIDDEN', `Only somebody with the role ${role} may do this.`);
}

function scopeOf({ workspaceId }: Principal): Pick<Principal, 'workspaceId'> {
  return { workspaceId };
}
