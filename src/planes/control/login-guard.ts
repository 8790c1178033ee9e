import type { RateLimit, RateLimiter } from '../../domain/ports/limits.ts';

const MINUTE_MS = 60_000;
export interface LoginLimits {
  /** Attempts at one account, from wherever they come. */
  readonly perAccount: RateLimit;
  /** Attempts from one address, at whatever account. */
  readonly perAddress: RateLimit;
  readonly signUpPerAddress: RateLimit;
  readonly refreshPerAddress: RateLimit;
}
export const DEFAULT_LOGIN_LIMITS: LoginLimits = {
  perAccount: { name: 'login-account', limit: 10, windowMs: MINUTE_MS },
  perAddress: { name: 'login-address', limit: 60, windowMs: MINUTE_MS },
  signUpPerAddress: { name: 'sign-up-address', limit: 30, windowMs: MINUTE_MS },
  refreshPerAddress: { name: 'refresh-address', limit: 120, windowMs: MINUTE_MS },
};
/** Pairs of account and address that signed in; about 2 MB. */
const FAMILIAR_COUNT_MAX = 10_000;

type Admission = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterMs: number };

/** Budgets of the calls that anybody may make. Taken before any work, at every call, however many share a request. */
export class LoginGuard {
  readonly #rateLimiter: RateLimiter;
  readonly #limits: LoginLimits;
  readonly #familiar = new Set<string>();

  constructor(rateLimiter: RateLimiter, limits: LoginLimits) {
    this.#rateLimiter = rateLimiter;
    this.#limits = limits;
  }

  /**
   * An account's budget can be emptied by a stranger who goes on guessing, and would stay empty for the owner as
   * long. So an address from which the account was opened before has a budget of its own for it.
   */
  async admitLogin(email: string, address: string): Promise<Admission> {
    const fromAddress = await this.#take(this.#limits.perAddress, address);
    if (!fromAddress.allowed) return fromAddress;
    const pair = pairOf(email, address);
    const { perAccount } = this.#limits;
    if (!this.#familiar.has(pair)) return this.#take(perAccount, email);
    return this.#take({ ...perAccount, name: `${perAccount.name}-familiar` }, pair);
  }

  signedIn(email: string, address: string): void {
    const pair = pairOf(email, address);
    this.#familiar.delete(pair);
    if (this.#familiar.size >= FAMILIAR_COUNT_MAX) {
      const [oldest] = this.#familiar;
      if (oldest !== undefined) this.#familiar.delete(oldest);
    }
    this.#familiar.add(pair);
  }

  admitSignUp(address: string): Promise<Admission> {
    return this.#take(this.#limits.signUpPerAddress, address);
  }

  admitRefresh(address: string): Promise<Admission> {
    return this.#take(this.#limits.refreshPerAddress, address);
  }

  async #take(rateLimit: RateLimit, subject: string): Promise<Admission> {
    const { allowed, retryAfterMs } = await this.#rateLimiter.take(rateLimit, subject);
    return allowed ? { allowed } : { allowed, retryAfterMs };
  }
}

/** An address holds no line break, so two different pairs never meet in one string. */
function pairOf(email: string, address: string): string {
  return `${address}\n${email}`;
}
