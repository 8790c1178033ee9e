import { z } from 'zod';
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
import { roleSchema, toWorkspace, workspaceRow } from './workspace-repository.ts';

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

const USER = `id, email, password_hash AS "passwordHash", default_workspace_id AS "defaultWorkspaceId"`;
const FIND = { name: 'user_find', text: `SELECT ${USER} FROM users WHERE id = $1` };
const FIND_BY_EMAIL = { name: 'user_find_by_email', text: `SELECT ${USER} FROM users WHERE email = $1` };
const IS_EMPTY = { name: 'user_is_empty', text: 'SELECT 1 FROM users LIMIT 1' };
const LIST_MEMBERSHIPS = {
  name: 'user_list_memberships',
  text: `SELECT m.role, w.id, w.name, w.default_collection_id AS "defaultCollectionId"
FROM memberships m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = $1 ORDER BY m.join_order`,
};
const userRow = z.object({
  id: z.string(),
  email: z.string(),
  passwordHash: z.string(),
  defaultWorkspaceId: z.string(),
});
const membershipRow = workspaceRow.extend({ role: roleSchema });

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
    const [row] = await this.#database.query(FIND_BY_EMAIL, [email]);
    return row === undefined ? undefined : toUser(row);
  }

  async find(_scope: SystemScope, userId: UserId): Promise<UserRecord | undefined> {
    const [row] = await this.#database.query(FIND, [userId]);
    return row === undefined ? undefined : toUser(row);
  }

  async isEmpty(_scope: SystemScope): Promise<boolean> {
    return (await this.#database.query(IS_EMPTY, [])).length === 0;
  }

  async listMemberships(_scope: SystemScope, userId: UserId): Promise<readonly MembershipRecord[]> {
    const rows = await this.#database.query(LIST_MEMBERSHIPS, [userId]);
    return rows.map((stored) => {
      const { role, ...workspace } = membershipRow.parse(stored);
      return { userId, role, workspace: toWorkspace(workspace) };
    });
  }
}

function toUser(stored: unknown): UserRecord {
  const row = userRow.parse(stored);
  return {
    id: trustedId('usr', row.id),
    email: row.email,
    passwordHash: row.passwordHash,
    defaultWorkspaceId: trustedId('wsp', row.defaultWorkspaceId),
  };
}
