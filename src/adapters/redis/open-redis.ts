import { DomainError } from '../../domain/errors.ts';
import type { Finding } from '../../domain/inspection.ts';
import type { Clock, Lifecycle, Log } from '../../domain/ports/system.ts';
import { RedisCache } from './redis-cache.ts';
import { RedisConnection } from './redis-connection.ts';
import { diagnoseRedis } from './redis-diagnosis.ts';
import { isAway } from './redis-errors.ts';
import { RedisRateLimiter } from './redis-rate-limiter.ts';
import { RedisRunEventLog } from './redis-run-event-log.ts';
import { RedisSessionCache } from './redis-session-cache.ts';
import { RedisSubscriber } from './redis-subscriber.ts';

export interface OpenRedisOptions {
  /** `redis[s]://[[user]:password@]host[:port][/database]` */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What a command may take before its connection is given up; also the longest time anything waits for Redis. */
  readonly commandTimeoutMs?: number;
}
export interface RedisStores extends Lifecycle {
  readonly runEventLog: RedisRunEventLog;
  readonly rateLimiter: RedisRateLimiter;
  readonly sessionCache: RedisSessionCache;
  readonly cache: RedisCache;
}

/**
 * Everything that is kept in Redis, on two connections: one for commands, one that listens. Throws one sentence that
 * names REDIS_URL when the server cannot be reached, refuses us or is not fit; later losses mend themselves.
 */
export async function openRedis(options: OpenRedisOptions): Promise<RedisStores> {
  const { clock } = options;
  const where = placeOf(options.url);
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.splice(0).reverse()) await part.close();
  };
  try {
    const connection = await RedisConnection.open({ ...options, name: 'multidb' });
    opened.push(connection);
    const diagnosis = await diagnoseRedis(connection, clock);
    const problems = diagnosis.findings.filter(({ level }) => level === 'problem');
    if (problems.length > 0) throw unfit(where, problems);
    const onGap = () => {
      runEventLog.catchUp();
      sessionCache.catchUp();
    };
    const subscriber = await RedisSubscriber.open({ ...options, onGap });
    opened.push(subscriber);
    const runEventLog = new RedisRunEventLog({ connection, subscriber, clock });
    opened.push({ close: async () => runEventLog.close() });
    const sessionCache = await RedisSessionCache.open({ connection, subscriber, clock });
    opened.push({ close: async () => sessionCache.close() });
    return {
      runEventLog,
      rateLimiter: new RedisRateLimiter({ connection, clock }),
      sessionCache,
      cache: new RedisCache(connection),
      health: async (signal) => {
        await Promise.all([connection.health(signal), subscriber.health(signal)]);
      },
      close,
    };
  } catch (error) {
    await close();
    throw isAway(error) ? unreachable(where, error) : error;
  }
}

/** Host and port, for messages: a URL may hold a password. */
export function placeOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw new DomainError('BAD_USER_INPUT', 'REDIS_URL: not a redis:// or rediss:// URL.');
  }
  return parsed.host;
}

function unfit(where: string, problems: readonly Finding[]): DomainError {
  return new DomainError(
    'BAD_USER_INPUT',
    `REDIS_URL: ${where}: ${problems.map(({ message }) => message).join(' ')}`,
  );
}

function unreachable(where: string, error: unknown): unknown {
  if (!(error instanceof DomainError)) return error;
  const { code, retryable, cause = error } = error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `REDIS_URL: ${where} cannot be used: ${reason.replace(/\.$/, '')}.`;
  return new DomainError(code, message, { retryable, cause: error });
}
