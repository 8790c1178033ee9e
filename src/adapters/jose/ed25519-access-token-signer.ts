import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { parseId } from '../../domain/ids.ts';
import type { AccessClaims, AccessTokenSigner } from '../../domain/ports/identity.ts';
import type { Clock } from '../../domain/ports/system.ts';

/** An Ed25519 private key as RFC 8037 writes it. */
const privateJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1),
  x: z.string().min(1),
  d: z.string().min(1),
});
export type Ed25519PrivateJwk = z.infer<typeof privateJwkSchema>;

interface Ed25519AccessTokenSignerOptions {
  readonly privateJwk: Ed25519PrivateJwk;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
  /** How many verified tokens are remembered. About 6 MB when the default is full. */
  readonly verifiedTokenCountMax?: number;
}

const ALGORITHM = 'EdDSA';
/** RFC 9068: an ID token or any other JWT of the same key is not an access token. */
const TOKEN_TYPE = 'at+jwt';
/** Ours have about 400; a longer one is refused before anything is decoded. */
const TOKEN_LENGTH_MAX = 2_048;
const VERIFIED_TOKEN_COUNT_MAX = 10_000;

/**
 * Access tokens as JWTs of one algorithm and one key. A verified token is remembered until it expires, since one check
 * costs 260 µs; whether its session still stands is not the token's business and is asked at every request.
 */
export class Ed25519AccessTokenSigner implements AccessTokenSigner {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #kid: string;
  readonly #issuer: string;
  readonly #audience: string;
  readonly #clock: Clock;
  readonly #verifiedTokenCountMax: number;
  /** In order of use, oldest first. Only tokens that were valid enter: a flood of forged ones displaces nothing. */
  readonly #verified = new Map<string, AccessClaims>();

  /** Throws when the key is not an Ed25519 private JWK with a `kid`. */
  constructor(options: Ed25519AccessTokenSignerOptions) {
    const jwk = privateJwkSchema.parse(options.privateJwk);
    this.#privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    this.#publicKey = createPublicKey(this.#privateKey);
    this.#kid = jwk.kid;
    this.#issuer = options.issuer;
    this.#audience = options.audience;
    this.#clock = options.clock;
    this.#verifiedTokenCountMax = options.verifiedTokenCountMax ?? VERIFIED_TOKEN_COUNT_MAX;
  }

  /** `expiresAt` is cut to whole seconds, the resolution of `exp`. */
  sign(claims: AccessClaims): Promise<string> {
    return new SignJWT({ wid: claims.workspaceId, sid: claims.sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE, kid: this.#kid })
      .setSubject(claims.userId)
      .setIssuer(this.#issuer)
      .setAudience(this.#audience)
      .setIssuedAt(Math.floor(this.#clock.now() / 1_000))
      .setExpirationTime(Math.floor(claims.expiresAt / 1_000))
      .sign(this.#privateKey);
  }

  async verify(token: string): Promise<AccessClaims | undefined> {
    if (token.length > TOKEN_LENGTH_MAX) return undefined;
    const known = this.#verified.get(token);
    if (known === undefined) return this.#check(token);
    this.#verified.delete(token);
    if (known.expiresAt <= this.#clock.now()) return undefined;
    this.#verified.set(token, known);
    return known;
  }

  async #check(token: string): Promise<AccessClaims | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#publicKey, {
        algorithms: [ALGORITHM],
        typ: TOKEN_TYPE,
        issuer: this.#issuer,
        audience: this.#audience,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(this.#clock.now()),
      });
      if (protectedHeader.kid !== this.#kid) return undefined;
      const claims = readClaims(payload);
      if (claims !== undefined) this.#remember(token, claims);
      return claims;
    } catch {
      // jose has an error class per reason; a caller gets none of them, so that nobody learns which check failed.
      return undefined;
    }
  }

  #remember(token: string, claims: AccessClaims): void {
    if (this.#verified.size >= this.#verifiedTokenCountMax) {
      const [oldest] = this.#verified.keys();
      if (oldest !== undefined) this.#verified.delete(oldest);
    }
    this.#verified.set(token, claims);
  }
}

function readClaims(payload: JWTPayload): AccessClaims | undefined {
  const { sub, exp, wid, sid } = payload;
  if (typeof sub !== 'string' || typeof wid !== 'string' || typeof sid !== 'string') return undefined;
  const userId = parseId('usr', sub);
  const workspaceId = parseId('wsp', wid);
  const sessionId = parseId('ses', sid);
  if (!userId || !workspaceId || !sessionId || exp === undefined) return undefined;
  return { userId, workspaceId, sessionId, expiresAt: exp * 1_000 };
}
