/** A sliding budget (GCRA): `limit` units per `windowMs`, refilled evenly. */
export interface RateLimit {
  /** Names the budget, for example `login-account`; part of the key. */
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
}
export interface RateLimitDecision {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the whole budget is back. */
  readonly resetMs: number;
  /** 0 when allowed. */
  readonly retryAfterMs: number;
}
export interface RateLimiter {
  /** One round trip. `subject` is a principal key, an address or an account; it is hashed, not stored in clear. */
  take(rateLimit: RateLimit, subject: string, cost?: number): Promise<RateLimitDecision>;
}
