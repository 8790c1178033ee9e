import { z } from 'zod';
import { notFound } from '../../domain/errors.ts';
import { trustedId, type UserId } from '../../domain/ids.ts';
import type {
  MemberRecord,
  NewWorkspace,
  WorkspaceRecord,
  WorkspaceRepository,
} from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';
import { ROLES, type Role } from '../../domain/principal.ts';
import type { SystemScope, WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { isForeignKeyViolation } from './errors.ts';

const CREATE = {
  name: 'workspace_create',
  text: `
WITH workspace AS (
  INSERT INTO workspaces (id, name, default_collection_id, quota_limit_micros) VALUES ($1, $2, $3, $4)
), collection AS (
  INSERT INTO collections (id, workspace_id, name, created_at) VALUES ($3, $1, 'Default', $6)
)
INSERT INTO memberships (workspace_id, user_id, role) VALUES ($1, $5, 'OWNER')`,
};

// The owners' rows are locked first, in one order: two owners who demote each other at once queue here, and the second
// sees what the first did.
const OWNERS = `
owners AS (
  SELECT user_id FROM memberships WHERE workspace_id = $1 AND role = 'OWNER' ORDER BY user_id FOR UPDATE
), guard AS (
  SELECT count(*) = 1 AND bool_or(user_id = $2) AS last_owner FROM owners
)`;
const PUT_MEMBER = {
  name: 'member_put',
  text: `
WITH ${OWNERS}, put AS (
  INSERT INTO memberships (workspace_id, user_id, role)
  SELECT $1, $2, $3 FROM guard WHERE $3 = 'OWNER' OR guard.last_owner IS NOT TRUE
  ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role
  RETURNING user_id
)
SELECT EXISTS (SELECT FROM put) AS changed, COALESCE(last_owner, false) AS "lastOwner" FROM guard`,
};
const REMOVE_MEMBER = {
  name: 'member_remove',
  text: `
WITH ${OWNERS}, removed AS (
  DELETE FROM memberships USING guard
  WHERE workspace_id = $1 AND user_id = $2 AND guard.last_owner IS NOT TRUE
  RETURNING user_id
)
SELECT EXISTS (SELECT FROM removed) AS changed, COALESCE(last_owner, false) AS "lastOwner" FROM guard`,
};
const FIND = {
  name: 'workspace_find',
  text: `SELECT id, name, default_collection_id AS "defaultCollectionId" FROM workspaces WHERE id = $1`,
};
const FIND_ROLE = {
  name: 'workspace_find_role',
  text: 'SELECT role FROM memberships WHERE workspace_id = $1 AND user_id = $2',
};
export const roleSchema = z.enum(ROLES);
const roleRow = z.object({ role: roleSchema });
export const workspaceRow = z.object({ id: z.string(), name: z.string(), defaultCollectionId: z.string() });
const change = z.tuple([z.object({ changed: z.boolean(), lastOwner: z.boolean() })]);

export class PostgresWorkspaceRepository implements WorkspaceRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async create(_scope: SystemScope, workspace: NewWorkspace): Promise<void> {
    const { id, name, defaultCollectionId, quotaLimitMicros, ownerId } = workspace;
    const createdAt = new Date(this.#clock.now());
    const values = [id, name, defaultCollectionId, quotaLimitMicros, ownerId, createdAt];
    await knownUser(this.#database.query(CREATE, values));
  }

  async find({ workspaceId }: WorkspaceScope): Promise<WorkspaceRecord | undefined> {
    const [row] = await this.#database.query(FIND, [workspaceId]);
    return row === undefined ? undefined : toWorkspace(workspaceRow.parse(row));
  }

  async findRole({ workspaceId }: WorkspaceScope, userId: UserId): Promise<Role | undefined> {
    const [row] = await this.#database.query(FIND_ROLE, [workspaceId, userId]);
    return row === undefined ? undefined : roleRow.parse(row).role;
  }

  async listMembers({ workspaceId }: WorkspaceScope): Promise<readonly MemberRecord[]> {
    const rows = await this.#database.orm((prisma) =>
      prisma.membership.findMany({
        where: { workspaceId },
        include: { user: { select: { email: true } } },
        orderBy: { joinOrder: 'asc' },
      }),
    );
    return rows.map((row) => ({
      userId: trustedId('usr', row.userId),
      email: row.user.email,
      role: roleSchema.parse(row.role),
    }));
  }

  async putMember(scope: WorkspaceScope, userId: UserId, role: Role): Promise<'put' | 'last-owner'> {
    const rows = await knownUser(this.#database.query(PUT_MEMBER, [scope.workspaceId, userId, role]));
    const [{ changed }] = change.parse(rows);
    return changed ? 'put' : 'last-owner';
  }

  async removeMember(
    scope: WorkspaceScope,
    userId: UserId,
  ): Promise<'removed' | 'not-a-member' | 'last-owner'> {
    const rows = await this.#database.query(REMOVE_MEMBER, [scope.workspaceId, userId]);
    const [{ changed, lastOwner }] = change.parse(rows);
    if (changed) return 'removed';
    return lastOwner ? 'last-owner' : 'not-a-member';
  }
}

async function knownUser<T>(outcome: Promise<T>): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    throw isForeignKeyViolation(error) ? notFound('user') : error;
  }
}

export function toWorkspace(row: z.infer<typeof workspaceRow>): WorkspaceRecord {
  return {
    id: trustedId('wsp', row.id),
    name: row.name,
    defaultCollectionId: trustedId('col', row.defaultCollectionId),
  };
}
