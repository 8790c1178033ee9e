import { RESP_TYPES } from 'redis';
import type { Cache } from '../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { RedisConnection } from './redis-connection.ts';
import { cacheKeys } from './redis-keys.ts';
import { RedisScript } from './redis-script.ts';

/** Of one workspace; beyond it, what would expire first goes first. */
const ENTRIES_MAX = 10_000;
/** A larger value is not kept. */
const VALUE_BYTES_MAX = 1024 * 1024;
/** More than a put adds, so that what has expired never piles up in the index. */
const SWEEP_ENTRIES_MAX = 8;
/** Removed by one script, so that no other command waits long. */
const REMOVE_ENTRIES_MAX = 500;

const AS_BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/**
 * KEYS: value, names, expiries. ARGV: value, time to live, name, prefix of all values, most entries, most to sweep.
 */
const PUT = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[3])
redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[3])
local gone = redis.call('ZRANGE', KEYS[3], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[6])
local over = math.min(redis.call('ZCARD', KEYS[3]) - #gone - ARGV[5], tonumber(ARGV[6]))
if #gone == 0 and over > 0 then gone = redis.call('ZRANGE', KEYS[3], 0, over - 1) end
for _, name in ipairs(gone) do
  redis.call('UNLINK', ARGV[4] .. name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
end
for _, key in ipairs({KEYS[2], KEYS[3]}) do
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
end
return 'OK'
`);

/** KEYS: names, expiries. ARGV: prefix of the names, prefix of all values, most to remove. Answers how many it removed. */
const REMOVE = new RedisScript(`
local names = redis.call('ZRANGE', KEYS[1], '[' .. ARGV[1], '(' .. ARGV[1] .. '\\255', 'BYLEX', 'LIMIT', 0, ARGV[3])
for _, name in ipairs(names) do
  redis.call('UNLINK', ARGV[2] .. name)
  redis.call('ZREM', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
end
return #names
`);

/**
 * Bytes in Redis, one key a value, and beside them an index of the workspace's names, which finds a prefix without a
 * scan. Names are UTF-8, in which the byte 255 never stands: it ends the range of a prefix. Everything expires by itself.
 * While Redis is away every method throws, which callers take for a miss.
 */
export class RedisCache implements Cache {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async get(scope: WorkspaceScope, key: string): Promise<Uint8Array | undefined> {
    const value = await this.#connection.send(['GET', cacheKeys(scope).valuePrefix + key], AS_BYTES);
    return value instanceof Uint8Array ? value : undefined;
  }

  async put(scope: WorkspaceScope, key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    const { valuePrefix, names, expiries } = cacheKeys(scope);
    const path = valuePrefix + key;
    const lifeMs = Math.ceil(ttlMs);
    if (value.byteLength > VALUE_BYTES_MAX || lifeMs <= 0) {
      await this.#connection.send(['UNLINK', path]);
      return;
    }
    // A copy: the caller may change its bytes before they are written.
    const args = [Buffer.from(value), lifeMs, key, valuePrefix, ENTRIES_MAX, SWEEP_ENTRIES_MAX];
    await PUT.run(this.#connection, [path, names, expiries], args);
  }

  async remove(scope: WorkspaceScope, prefix: string): Promise<void> {
    const { valuePrefix, names, expiries } = cacheKeys(scope);
    let removed: unknown;
    do {
      removed = await REMOVE.run(
        this.#connection,
        [names, expiries],
        [prefix, valuePrefix, REMOVE_ENTRIES_MAX],
      );
    } while (removed === REMOVE_ENTRIES_MAX);
  }
}
