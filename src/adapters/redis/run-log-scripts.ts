import { RedisScript } from './redis-script.ts';

/** A log that nobody ever retired, because its node and every later one died, goes away by itself. */
export const ABANDONED_TTL_MS = 7 * 24 * 60 * 60_000;

/**
 * KEYS: events, state, steps. ARGV: generation, first sequence, number of events, events as text, most events of a log,
 * most bytes of a log, time to live of an abandoned log in milliseconds, step results as text or nothing.
 * Answers OK, STALE, FULL, or the sequence at which the log goes on when that is another than the given one.
 *
 * An entry's id is the sequence after its last event, a dash, and the number of its events. The batch is announced to whoever listens at this moment; since the server
 * flushes to disk before it sends anything, nobody hears of a batch that could still be lost.
 */
export const APPEND = new RedisScript(`
local known = redis.call('HMGET', KEYS[2], 'generation', 'next', 'bytes')
if tonumber(ARGV[1]) < tonumber(known[1] or 0) then return 'STALE' end
local first = tonumber(known[2] or 0)
if tonumber(ARGV[2]) ~= first then return first end
local next = first + tonumber(ARGV[3])
local bytes = tonumber(known[3] or 0) + #ARGV[4] + #ARGV[8]
if next > tonumber(ARGV[5]) or bytes > tonumber(ARGV[6]) then return 'FULL' end
redis.call('XADD', KEYS[1], next .. '-' .. ARGV[3], 'e', ARGV[4])
redis.call('HSET', KEYS[2], 'generation', ARGV[1], 'next', next, 'bytes', bytes)
if first == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
end
if ARGV[8] ~= '' then
  redis.call('RPUSH', KEYS[3], ARGV[8])
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
end
redis.call('SPUBLISH', KEYS[1], first .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
return 'OK'
`);

/** KEYS: state. ARGV: generation, time to live of an abandoned log. Answers OK or STALE. */
export const FENCE = new RedisScript(`
if tonumber(ARGV[1]) < tonumber(redis.call('HGET', KEYS[1], 'generation') or 0) then return 'STALE' end
redis.call('HSET', KEYS[1], 'generation', ARGV[1])
if redis.call('HSETNX', KEYS[1], 'next', 0) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 'OK'
`);

/** KEYS: events, state, steps. ARGV: time to live of the first two in milliseconds. It only ever shortens. */
export const RETIRE = new RedisScript(`
redis.call('DEL', KEYS[3])
for _, key in ipairs({KEYS[1], KEYS[2]}) do
  local left = redis.call('PTTL', key)
  if left == -1 or left > tonumber(ARGV[1]) then redis.call('PEXPIRE', key, ARGV[1]) end
end
return 'OK'
`);
