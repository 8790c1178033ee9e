import type { SessionId } from '../../domain/ids.ts';
import type {
  AccessTokenSigner,
  Rotation,
  SessionRepository,
  UserRecord,
  WorkspaceRecord,
} from '../../domain/ports/identity.ts';
import type { Clock, IdGenerator, Random } from '../../domain/ports/system.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import type { SignedIn } from '../services.ts';
import { newRefreshToken } from './credentials.ts';

interface SessionIssuerDeps {
  readonly sessions: SessionRepository;
  readonly accessTokenSigner: AccessTokenSigner;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdGenerator;
}
export interface TokenLifetimes {
  readonly accessTokenMs: number;
  /** Renewed at every rotation. */
  readonly refreshTokenMs: number;
}
interface SessionTokens {
  readonly user: UserRecord;
  readonly workspace: WorkspaceRecord;
  readonly sessionId: SessionId;
  readonly refreshToken: string;
}

/** Makes sessions and the tokens that stand for them. */
export class SessionIssuer {
  readonly #deps: SessionIssuerDeps;
  readonly #lifetimes: TokenLifetimes;

  constructor(deps: SessionIssuerDeps, lifetimes: TokenLifetimes) {
    this.#deps = deps;
    this.#lifetimes = lifetimes;
  }

  async open(user: UserRecord, workspace: WorkspaceRecord): Promise<SignedIn> {
    const refreshToken = newRefreshToken(this.#deps.random);
    const sessionId = this.#deps.ids.next('ses');
    await this.#deps.sessions.create(SYSTEM_SCOPE, {
      id: sessionId,
      userId: user.id,
      workspaceId: workspace.id,
      refreshTokenHash: refreshToken.hash,
      expiresAt: this.#deps.clock.now() + this.#lifetimes.refreshTokenMs,
    });
    return this.tokens({ user, workspace, sessionId, refreshToken: refreshToken.value });
  }

  async tokens({ user, workspace, sessionId, refreshToken }: SessionTokens): Promise<SignedIn> {
    // Whole seconds, as the token will say it: a client must not think its token lives longer than it does.
    const expiresAt = Math.floor((this.#deps.clock.now() + this.#lifetimes.accessTokenMs) / 1_000) * 1_000;
    const claims = { userId: user.id, workspaceId: workspace.id, sessionId, expiresAt };
    const accessToken = await this.#deps.accessTokenSigner.sign(claims);
    const { id, email } = user;
    return { kind: 'signed-in', accessToken, expiresAt, refreshToken, user: { id, email }, workspace };
  }

  /** What a rotation writes: the token that follows, and until when it is good. */
  rotationOf(refreshTokenHash: string): { readonly rotation: Rotation; readonly refreshToken: string } {
    const next = newRefreshToken(this.#deps.random);
    const now = this.#deps.clock.now();
    const nextExpiresAt = now + this.#lifetimes.refreshTokenMs;
    const rotation = { refreshTokenHash, nextRefreshTokenHash: next.hash, nextExpiresAt, now };
    return { rotation, refreshToken: next.value };
  }
}
