import { DomainError } from '../../domain/errors.ts';
import type { RateLimit, RateLimitDecision, RateLimiter } from '../../domain/ports/limits.ts';

/** Takes one unit. Throws RATE_LIMITED with `retryAfterMs` when the budget is spent. */
export async function takeRate(
  rateLimiter: RateLimiter,
  rateLimit: RateLimit,
  subject: string,
): Promise<RateLimitDecision> {
  const decision = await rateLimiter.take(rateLimit, subject);
  if (decision.allowed) return decision;
  throw new DomainError('RATE_LIMITED', 'Too many requests; try again later.', {
    retryAfterMs: decision.retryAfterMs,
  });
}
