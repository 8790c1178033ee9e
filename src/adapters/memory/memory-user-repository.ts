import type { UserId } from '../../domain/ids.ts';
import type {
  MembershipRecord,
  NewWorkspace,
  UserRecord,
  UserRepository,
} from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { MemoryDatabase } from './memory-database.ts';
import { insertWorkspace, toWorkspace } from './memory-workspace-repository.ts';

export class MemoryUserRepository implements UserRepository {
  readonly #database: MemoryDatabase;
  readonly #clock: Clock;

  constructor(database: MemoryDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async createWithWorkspace(
    _scope: SystemScope,
    user: UserRecord,
    workspace: NewWorkspace,
  ): Promise<'created' | 'email-taken'> {
    if (this.#findByEmail(user.email) !== undefined) return 'email-taken';
    this.#database.users.set(user.id, user);
    insertWorkspace(this.#database, workspace, this.#clock.now());
    return 'created';
  }

  async findByEmail(_scope: SystemScope, email: string): Promise<UserRecord | undefined> {
    return this.#findByEmail(email);
  }

  async find(_scope: SystemScope, userId: UserId): Promise<UserRecord | undefined> {
    return this.#database.users.get(userId);
  }

  async isEmpty(_scope: SystemScope): Promise<boolean> {
    return this.#database.users.size === 0;
  }

  async listMemberships(_scope: SystemScope, userId: UserId): Promise<readonly MembershipRecord[]> {
    const memberships: MembershipRecord[] = [];
    for (const row of this.#database.memberships.values()) {
      const workspace = this.#database.workspaces.get(row.workspaceId);
      if (row.userId !== userId || workspace === undefined) continue;
      memberships.push({ userId, role: row.role, workspace: toWorkspace(workspace) });
    }
    return memberships;
  }

  #findByEmail(email: string): UserRecord | undefined {
    return [...this.#database.users.values()].find((user) => user.email === email);
  }
}
