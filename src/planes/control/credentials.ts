import { createHash } from 'node:crypto';
import { DomainError } from '../../domain/errors.ts';
import type { Random } from '../../domain/ports/system.ts';

/** Published in the README, so it is worth nothing: see `allowDemoPassword` of the control plane's options. */
export const DEMO_PASSWORD = 'testpassword123';

const EMAIL_LENGTH_MAX = 254;
const PASSWORD_LENGTH_MIN = 10;
const PASSWORD_LENGTH_MAX = 200;
const NAME_LENGTH_MAX = 100;
const SECRET_BYTES = 32;

const API_KEY_PREFIX = 'mdk_';
const REFRESH_TOKEN_PREFIX = 'mdr_';
const API_KEY_SHAPE = /^mdk_[A-Za-z0-9_-]{43}$/;
const REFRESH_TOKEN_SHAPE = /^mdr_[A-Za-z0-9_-]{43}$/;

/** One spelling of an address: what two keyboards write for the same characters is the same account. */
export function normalizeEmail(email: string): string {
  return email.normalize('NFC').trim().toLowerCase();
}

/** The normalised address. Throws BAD_USER_INPUT; whether a mailbox exists only a mail could tell. */
export function parseEmail(email: string): string {
  const normalized = normalizeEmail(email);
  if (normalized.length > EMAIL_LENGTH_MAX || !/^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(normalized)) {
    throw new DomainError('BAD_USER_INPUT', 'This is not an e-mail address.');
  }
  return normalized;
}

/** Length decides, as NIST 800-63B has it; rules about kinds of characters make passwords worse. */
export function passwordProblem(
  password: string,
  email: string,
  allowDemoPassword: boolean,
): string | undefined {
  const length = [...password].length;
  if (length < PASSWORD_LENGTH_MIN) return `A password needs at least ${PASSWORD_LENGTH_MIN} characters.`;
  if (length > PASSWORD_LENGTH_MAX) return `A password may have at most ${PASSWORD_LENGTH_MAX} characters.`;
  if (normalizeEmail(password) === email) return 'The password must not be the e-mail address.';
  if (refusesDemoPassword(password, allowDemoPassword))
    return 'This password is published in the documentation.';
  return undefined;
}

/** True where the published password must open nothing, even for a user that was seeded before. */
export function refusesDemoPassword(password: string, allowDemoPassword: boolean): boolean {
  return !allowDemoPassword && canonicalPassword(password) === DEMO_PASSWORD;
}

/**
 * What is hashed: composed characters, so that one password typed on two systems is one. No stored password is longer
 * than the maximum, so what is cut off can only have been wrong already.
 */
export function canonicalPassword(password: string): string {
  return password.slice(0, 4 * PASSWORD_LENGTH_MAX).normalize('NFC');
}

export interface Secret {
  /** Shown once, never stored. */
  readonly value: string;
  readonly hash: string;
}
export function newApiKeySecret(random: Random): Secret {
  return newSecret(API_KEY_PREFIX, random);
}
export function newRefreshToken(random: Random): Secret {
  return newSecret(REFRESH_TOKEN_PREFIX, random);
}
/** The hash under which it is stored, or undefined for what cannot be one: that asks no store. */
export function apiKeyHash(value: string): string | undefined {
  return API_KEY_SHAPE.test(value) ? secretHash(value) : undefined;
}
export function refreshTokenHash(value: string): string | undefined {
  return REFRESH_TOKEN_SHAPE.test(value) ? secretHash(value) : undefined;
}
export function looksLikeApiKey(value: string): boolean {
  return value.startsWith(API_KEY_PREFIX);
}

/** Of a workspace, collection or API key: one line, trimmed. Throws BAD_USER_INPUT. */
export function parseName(name: string): string {
  const normalized = name.normalize('NFC').trim();
  if (normalized === '' || normalized.length > NAME_LENGTH_MAX || /\p{Cc}/u.test(normalized)) {
    throw new DomainError('BAD_USER_INPUT', `A name is one line of 1 to ${NAME_LENGTH_MAX} characters.`);
  }
  return normalized;
}

function newSecret(prefix: string, random: Random): Secret {
  const value = prefix + Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url');
  return { value, hash: secretHash(value) };
}

/** A fast hash is enough: 256 random bits cannot be guessed, and it is looked up at every request. */
function secretHash(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}
