import { z } from 'zod';
import { type SessionId, trustedId, type WorkspaceId } from '../../domain/ids.ts';
import type {
  NewSession,
  Rotation,
  RotationOutcome,
  SessionRecord,
  SessionRepository,
} from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';

const CREATE = {
  name: 'session_create',
  text: `
WITH session AS (
  INSERT INTO sessions (id, user_id, workspace_id, expires_at) VALUES ($1, $2, $3, $5)
)
INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES ($4, $1, $5)`,
};

/**
 * $1 presented hash, $2 next hash, $3 next expiry, $4 now. Of two who present one token at once, the second waits for
 * the first one's row lock, finds it used, and revokes the session that both hold.
 */
const ROTATE = {
  name: 'session_rotate',
  text: `
WITH presented AS (
  SELECT t.session_id, t.used_at, t.expires_at, s.user_id, s.workspace_id, s.revoked_at
  FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.token_hash = $1
), exchanged AS (
  UPDATE refresh_tokens t SET used_at = $4 FROM presented p
  WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > $4 AND p.revoked_at IS NULL
  RETURNING t.session_id
), next_token AS (
  INSERT INTO refresh_tokens (token_hash, session_id, expires_at) SELECT $2, session_id, $3 FROM exchanged
), prolonged AS (
  UPDATE sessions s SET expires_at = $3 FROM exchanged e WHERE s.id = e.session_id
), unexchanged AS (
  SELECT session_id FROM presented
  WHERE NOT EXISTS (SELECT FROM exchanged)
    AND (used_at IS NOT NULL OR (expires_at > $4 AND revoked_at IS NULL))
), revoked AS (
  UPDATE sessions s SET revoked_at = COALESCE(s.revoked_at, $4) FROM unexchanged u WHERE s.id = u.session_id
)
SELECT p.session_id AS id, p.user_id AS "userId", p.workspace_id AS "workspaceId",
  EXISTS (SELECT FROM exchanged) AS exchanged, EXISTS (SELECT FROM unexchanged) AS reused
FROM presented p`,
};
const FIND = {
  name: 'session_find',
  text: `SELECT id, user_id AS "userId", workspace_id AS "workspaceId", revoked_at AS "revokedAt"
FROM sessions WHERE id = $1`,
};
const sessionRow = z.object({
  id: z.string(),
  userId: z.string(),
  workspaceId: z.string(),
  revokedAt: z.date().nullable(),
});
const rotationRow = z.object({
  id: z.string(),
  userId: z.string(),
  workspaceId: z.string(),
  exchanged: z.boolean(),
  reused: z.boolean(),
});

export class PostgresSessionRepository implements SessionRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async create(_scope: SystemScope, session: NewSession): Promise<void> {
    const { id, userId, workspaceId, refreshTokenHash, expiresAt } = session;
    await this.#database.query(CREATE, [id, userId, workspaceId, refreshTokenHash, new Date(expiresAt)]);
  }

  async rotate(_scope: SystemScope, rotation: Rotation): Promise<RotationOutcome> {
    const { refreshTokenHash, nextRefreshTokenHash, nextExpiresAt, now } = rotation;
    const values = [refreshTokenHash, nextRefreshTokenHash, new Date(nextExpiresAt), new Date(now)];
    const [first] = await this.#database.query(ROTATE, values);
    if (first === undefined) return { kind: 'unknown' };
    const row = rotationRow.parse(first);
    if (!row.exchanged && !row.reused) return { kind: 'unknown' };
    const session = toSession({ ...row, revokedAt: row.reused ? new Date(now) : null });
    return { kind: row.exchanged ? 'rotated' : 'reused', session };
  }

  async find(_scope: SystemScope, sessionId: SessionId): Promise<SessionRecord | undefined> {
    const [row] = await this.#database.query(FIND, [sessionId]);
    return row === undefined ? undefined : toSession(sessionRow.parse(row));
  }

  async revoke(_scope: SystemScope, sessionId: SessionId): Promise<void> {
    const revokedAt = new Date(this.#clock.now());
    await this.#database.orm((prisma) =>
      prisma.session.updateMany({ where: { id: sessionId, revokedAt: null }, data: { revokedAt } }),
    );
  }

  async switchWorkspace(_scope: SystemScope, sessionId: SessionId, workspaceId: WorkspaceId): Promise<void> {
    await this.#database.orm((prisma) =>
      prisma.session.updateMany({ where: { id: sessionId }, data: { workspaceId } }),
    );
  }
}

function toSession(row: z.infer<typeof sessionRow>): SessionRecord {
  return {
    id: trustedId('ses', row.id),
    userId: trustedId('usr', row.userId),
    workspaceId: trustedId('wsp', row.workspaceId),
    revoked: row.revokedAt !== null,
  };
}
