import type { SessionId, WorkspaceId } from '../../domain/ids.ts';
import type {
  NewSession,
  Rotation,
  RotationOutcome,
  SessionRecord,
  SessionRepository,
} from '../../domain/ports/identity.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { MemoryDatabase } from './memory-database.ts';

export class MemorySessionRepository implements SessionRepository {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async create(_scope: SystemScope, session: NewSession): Promise<void> {
    const { id, userId, workspaceId, refreshTokenHash, expiresAt } = session;
    this.#database.sessions.set(id, { id, userId, workspaceId, revoked: false });
    this.#database.refreshTokens.set(refreshTokenHash, { sessionId: id, expiresAt, used: false });
  }

  async rotate(_scope: SystemScope, rotation: Rotation): Promise<RotationOutcome> {
    const { refreshTokens, sessions } = this.#database;
    const token = refreshTokens.get(rotation.refreshTokenHash);
    const session = token === undefined ? undefined : sessions.get(token.sessionId);
    if (token === undefined || session === undefined) return { kind: 'unknown' };
    if (token.used) return { kind: 'reused', session: this.#revoke(session) };
    if (session.revoked || token.expiresAt <= rotation.now) return { kind: 'unknown' };
    refreshTokens.set(rotation.refreshTokenHash, { ...token, used: true });
    const next = { sessionId: session.id, expiresAt: rotation.nextExpiresAt, used: false };
    refreshTokens.set(rotation.nextRefreshTokenHash, next);
    return { kind: 'rotated', session };
  }

  async find(_scope: SystemScope, sessionId: SessionId): Promise<SessionRecord | undefined> {
    return this.#database.sessions.get(sessionId);
  }

  async revoke(_scope: SystemScope, sessionId: SessionId): Promise<void> {
    const session = this.#database.sessions.get(sessionId);
    if (session !== undefined) this.#revoke(session);
  }

  async switchWorkspace(_scope: SystemScope, sessionId: SessionId, workspaceId: WorkspaceId): Promise<void> {
    const session = this.#database.sessions.get(sessionId);
    if (session !== undefined) this.#database.sessions.set(sessionId, { ...session, workspaceId });
  }

  #revoke(session: SessionRecord): SessionRecord {
    const revoked = { ...session, revoked: true };
    this.#database.sessions.set(session.id, revoked);
    return revoked;
  }
}
