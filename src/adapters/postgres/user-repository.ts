import { trustedId, type UserId } from '../../domain/ids.ts';
import type {
  MembershipRecord,
  NewWorkspace,
  UserRecord,
  UserRepository,
} from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { isUniqueViolation } from './errors.ts';
import type { User } from './generated/client.ts';
import { parseRole, toWorkspace } from './workspace-repository.ts';

// Foreign keys are checked at the end of a statement, so one statement may write rows that point at each other.
const CREATE_WITH_WORKSPACE = {
  name: 'user_create',
  text: `
WITH workspace AS (
  INSERT INTO workspaces (id, name, default_collection_id, quota_limit_micros) VALUES ($5, $6, $7, $8)
), collection AS (
  INSERT INTO collections (id, workspace_id, name, created_at) VALUES ($7, $5, 'Default', $9)
), account AS (
  INSERT INTO users (id, email, password_hash, default_workspace_id) VALUES ($1, $2, $3, $4)
)
INSERT INTO memberships (workspace_id, user_id, role) VALUES ($5, $1, 'OWNER')`,
};

export class PostgresUserRepository implements UserRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async createWithWorkspace(
    _scope: SystemScope,
    user: UserRecord,
    workspace: NewWorkspace,
  ): Promise<'created' | 'email-taken'> {
    try {
      await this.#database.query(CREATE_WITH_WORKSPACE, [
        ...[user.id, user.email, user.passwordHash, user.defaultWorkspaceId],
        ...[workspace.id, workspace.name, workspace.defaultCollectionId, workspace.quotaLimitMicros],
        new Date(this.#clock.now()),
      ]);
      return 'created';
    } catch (error) {
      if (isUniqueViolation(error, 'users_email_key')) return 'email-taken';
      throw error;
    }
  }

  async findByEmail(_scope: SystemScope, email: string): Promise<UserRecord | undefined> {
    const row = await this.#database.orm((prisma) => prisma.user.findUnique({ where: { email } }));
    return row === null ? undefined : toUser(row);
  }

  async find(_scope: SystemScope, userId: UserId): Promise<UserRecord | undefined> {
    const row = await this.#database.orm((prisma) => prisma.user.findUnique({ where: { id: userId } }));
    return row === null ? undefined : toUser(row);
  }

  async listMemberships(_scope: SystemScope, userId: UserId): Promise<readonly MembershipRecord[]> {
    const rows = await this.#database.orm((prisma) =>
      prisma.membership.findMany({
        where: { userId },
        include: { workspace: true },
        orderBy: { joinOrder: 'asc' },
      }),
    );
    return rows.map((row) => ({
      userId,
      role: parseRole(row.role),
      workspace: toWorkspace(row.workspace),
    }));
  }
}

function toUser(row: User): UserRecord {
  return {
    id: trustedId('usr', row.id),
    email: row.email,
    passwordHash: row.passwordHash,
    defaultWorkspaceId: trustedId('wsp', row.defaultWorkspaceId),
  };
}
