import { hash } from 'node:crypto';
import type { RateLimit, RateLimitDecision, RateLimiter } from '../../domain/ports/limits.ts';
import type { Clock } from '../../domain/ports/system.ts';

export interface MemoryRateLimiterOptions {
  readonly clock: Clock;
  readonly subjectsMax?: number;
}
const SUBJECTS_MAX = 100_000;
/** Enough to outrun insertion, so that recovered subjects never pile up behind a busy one. */
const SWEEP_ENTRIES_MAX = 2;

interface Account {
  /** What is owed, in units times `windowMs`; `limit` of it drains each millisecond. Integer arithmetic is exact. */
  readonly debt: number;
  readonly at: number;
  readonly drainedAt: number;
}

/**
 * GCRA, kept as a draining debt instead of a theoretical arrival time: the same decisions, in integers. A subject that
 * owes nothing needs no entry; beyond the bound the one longest unused is forgotten.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #clock: Clock;
  readonly #subjectsMax: number;
  /** In order of use. */
  readonly #accounts = new Map<string, Account>();

  constructor({ clock, subjectsMax = SUBJECTS_MAX }: MemoryRateLimiterOptions) {
    this.#clock = clock;
    this.#subjectsMax = subjectsMax;
  }

  async take(rateLimit: RateLimit, subject: string, cost = 1): Promise<RateLimitDecision> {
    const { name, limit, windowMs } = rateLimit;
    const now = this.#clock.now();
    const key = hash('sha256', `${name}\0${subject}`, 'base64url');
    const account = this.#accounts.get(key);
    const drained = account === undefined ? 0 : Math.max(0, now - account.at) * limit;
    const owed = Math.max(0, (account?.debt ?? 0) - drained);
    const wanted = owed + cost * windowMs;
    const allowed = wanted <= limit * windowMs;
    const debt = allowed ? wanted : owed;
    this.#sweep(now);
    this.#store(key, { debt, at: Math.max(now, account?.at ?? now), drainedAt: now + debt / limit });
    return {
      allowed,
      limit,
      remaining: Math.floor((limit * windowMs - debt) / windowMs),
      resetMs: Math.ceil(debt / limit),
      retryAfterMs: allowed ? 0 : Math.ceil((wanted - limit * windowMs) / limit),
    };
  }

  #store(key: string, account: Account): void {
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    if (this.#accounts.size <= this.#subjectsMax) return;
    for (const oldest of this.#accounts.keys()) {
      this.#accounts.delete(oldest);
      return;
    }
  }

  #sweep(now: number): void {
    let left = SWEEP_ENTRIES_MAX;
    for (const [key, { drainedAt }] of this.#accounts) {
      if (left === 0 || drainedAt > now) return;
      this.#accounts.delete(key);
      left -= 1;
    }
  }
}
