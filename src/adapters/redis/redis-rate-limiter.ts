import type { RateLimit, RateLimitDecision, RateLimiter } from '../../domain/ports/limits.ts';
import type { Clock } from '../../domain/ports/system.ts';
import { MemoryRateLimiter } from '../memory/memory-rate-limiter.ts';
import type { RedisConnection } from './redis-connection.ts';
import { isAway } from './redis-errors.ts';
import { limitKey } from './redis-keys.ts';
import { RedisScript } from './redis-script.ts';

export interface RedisRateLimiterOptions {
  readonly connection: RedisConnection;
  /** Of the local fallback. */
  readonly clock: Clock;
  /** Default: the server's own time, which is one for all nodes. */
  readonly now?: () => number;
}

/** An account stays a little longer than it owes, so that a clock set back forgives nothing. */
const SLACK_MS = 10_000;

/**
 * GCRA as a draining debt in units times the window, which is exact in integers; see MemoryRateLimiter.
 * KEYS: account. ARGV: limit, window in milliseconds, cost, now (or empty), slack in milliseconds.
 * Answers allowed (0 or 1), debt, and what the debt was wanted to become.
 */
const TAKE = new RedisScript(`
local limit, windowMs = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local known = redis.call('HMGET', KEYS[1], 'debt', 'at')
local at = tonumber(known[2] or now)
local owed = math.max(0, tonumber(known[1] or 0) - math.max(0, now - at) * limit)
local wanted = owed + tonumber(ARGV[3]) * windowMs
local allowed = wanted <= limit * windowMs
if allowed then
  redis.call('HSET', KEYS[1], 'debt', string.format('%.0f', wanted), 'at', string.format('%.0f', math.max(now, at)))
  redis.call('PEXPIRE', KEYS[1], math.ceil(wanted / limit) + tonumber(ARGV[5]))
end
return {allowed and 1 or 0, allowed and wanted or owed, wanted}
`);

/**
 * One budget for all nodes, one round trip a decision. While Redis is away each node limits by itself, from a full
 * budget and in bounded memory: N nodes then let up to N times as much through, and nobody is locked out.
 */
export class RedisRateLimiter implements RateLimiter {
  readonly #connection: RedisConnection;
  readonly #now: (() => number) | undefined;
  readonly #fallback: RateLimiter;

  constructor({ connection, clock, now }: RedisRateLimiterOptions) {
    this.#connection = connection;
    this.#now = now;
    this.#fallback = new MemoryRateLimiter({ clock });
  }

  async take(rateLimit: RateLimit, subject: string, cost = 1): Promise<RateLimitDecision> {
    const { name, limit, windowMs } = rateLimit;
    const args = [limit, windowMs, cost, this.#now?.() ?? '', SLACK_MS];
    let answer: unknown;
    try {
      answer = await TAKE.run(this.#connection, [limitKey(name, subject)], args);
    } catch (error) {
      if (!isAway(error)) throw error;
      return this.#fallback.take(rateLimit, subject, cost);
    }
    const [allowed = 0, debt = 0, wanted = 0] = Array.isArray(answer) ? answer.map(Number) : [];
    return {
      allowed: allowed === 1,
      limit,
      remaining: Math.floor((limit * windowMs - debt) / windowMs),
      resetMs: Math.ceil(debt / limit),
      retryAfterMs: allowed === 1 ? 0 : Math.ceil((wanted - limit * windowMs) / limit),
    };
  }
}
