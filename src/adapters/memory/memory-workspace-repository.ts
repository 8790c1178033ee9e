import { notFound } from '../../domain/errors.ts';
import type { UserId, WorkspaceId } from '../../domain/ids.ts';
import type {
  MemberRecord,
  NewWorkspace,
  WorkspaceRecord,
  WorkspaceRepository,
} from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { Role } from '../../domain/principal.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { MembershipRow, MemoryDatabase, WorkspaceRow } from './memory-database.ts';

export class MemoryWorkspaceRepository implements WorkspaceRepository {
  readonly #database: MemoryDatabase;
  readonly #clock: Clock;

  constructor(database: MemoryDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async create(_scope: SystemScope, workspace: NewWorkspace): Promise<void> {
    if (!this.#database.users.has(workspace.ownerId)) throw notFound('user');
    insertWorkspace(this.#database, workspace, this.#clock.now());
  }

  async find({ workspaceId }: WorkspaceScope): Promise<WorkspaceRecord | undefined> {
    const row = this.#database.workspaces.get(workspaceId);
    return row === undefined ? undefined : toWorkspace(row);
  }

  async findRole({ workspaceId }: WorkspaceScope, userId: UserId): Promise<Role | undefined> {
    return this.#database.memberships.get(membershipKey(workspaceId, userId))?.role;
  }

  async listMembers({ workspaceId }: WorkspaceScope): Promise<readonly MemberRecord[]> {
    return this.#members(workspaceId).flatMap(({ userId, role }) => {
      const user = this.#database.users.get(userId);
      return user === undefined ? [] : [{ userId, email: user.email, role }];
    });
  }

  async putMember(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
    role: Role,
  ): Promise<'put' | 'last-owner'> {
    const known = this.#database.workspaces.has(workspaceId) && this.#database.users.has(userId);
    if (!known) throw notFound('user');
    if (role !== 'OWNER' && this.#isLastOwner(workspaceId, userId)) return 'last-owner';
    const key = membershipKey(workspaceId, userId);
    this.#database.memberships.set(key, { workspaceId, userId, role });
    return 'put';
  }

  async removeMember(
    { workspaceId }: WorkspaceScope,
    userId: UserId,
  ): Promise<'removed' | 'not-a-member' | 'last-owner'> {
    if (this.#isLastOwner(workspaceId, userId)) return 'last-owner';
    const key = membershipKey(workspaceId, userId);
    return this.#database.memberships.delete(key) ? 'removed' : 'not-a-member';
  }

  #members(workspaceId: WorkspaceId): readonly MembershipRow[] {
    return [...this.#database.memberships.values()].filter((row) => row.workspaceId === workspaceId);
  }

  #isLastOwner(workspaceId: WorkspaceId, userId: UserId): boolean {
    const owners = this.#members(workspaceId).filter((row) => row.role === 'OWNER');
    return owners.length === 1 && owners[0]?.userId === userId;
  }
}

function membershipKey(workspaceId: WorkspaceId, userId: UserId): string {
  return `${workspaceId}/${userId}`;
}

export function insertWorkspace(database: MemoryDatabase, workspace: NewWorkspace, createdAt: number): void {
  const { id, name, defaultCollectionId, ownerId, quotaLimitMicros } = workspace;
  database.workspaces.set(id, { id, name, defaultCollectionId, quotaLimitMicros });
  const collection = { id: defaultCollectionId, workspaceId: id, name: 'Default', createdAt };
  database.collections.set(defaultCollectionId, collection);
  database.memberships.set(membershipKey(id, ownerId), { workspaceId: id, userId: ownerId, role: 'OWNER' });
}

export function toWorkspace({ id, name, defaultCollectionId }: WorkspaceRow): WorkspaceRecord {
  return { id, name, defaultCollectionId };
}
