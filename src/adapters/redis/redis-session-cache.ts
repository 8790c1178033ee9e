import { z } from 'zod';
import { parseId, type SessionId, trustedId, type UserId } from '../../domain/ids.ts';
import type {
  InvalidationListener,
  InvalidationTarget,
  SessionCache,
  SessionState,
} from '../../domain/ports/identity.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import { ROLES } from '../../domain/principal.ts';
import type { SystemScope } from '../../domain/scope.ts';
import type { RedisConnection } from './redis-connection.ts';
import { isAway } from './redis-errors.ts';
import { INVALIDATIONS, sessionKey, userEpochKey } from './redis-keys.ts';
import { RedisScript } from './redis-script.ts';
import type { RedisSubscriber } from './redis-subscriber.ts';

/** Bounds how long a state lives on that could not be made forgotten, because Redis was away. */
const SESSION_TTL_MS = 60_000;
/** An epoch outlives every session that was put before it. */
const EPOCH_TTL_MS = 2 * SESSION_TTL_MS;
const USERS_REMEMBERED_MAX = 20_000;

export interface RedisSessionCacheOptions {
  readonly connection: RedisConnection;
  readonly subscriber: Pick<RedisSubscriber, 'add'>;
  readonly clock: Clock;
}

const workspaceSchema = z.object({
  id: z.string().transform((id) => trustedId('wsp', id)),
  name: z.string(),
  defaultCollectionId: z.string().transform((id) => trustedId('col', id)),
});
const membershipSchema = z.object({
  userId: z.string().transform((id) => trustedId('usr', id)),
  role: z.enum(ROLES),
  workspace: workspaceSchema,
});
const storedSchema = z.object({
  epoch: z.string(),
  userId: z.string().transform((id) => trustedId('usr', id)),
  workspaceId: z.string().transform((id) => trustedId('wsp', id)),
  role: z.enum(ROLES).optional(),
  revoked: z.boolean(),
  account: z.object({ email: z.string(), memberships: z.array(membershipSchema) }).optional(),
});

/** KEYS: epoch of a user. ARGV: time to live. The server's time is a value that no earlier epoch had. */
const NEW_EPOCH = new RedisScript(`
local time = redis.call('TIME')
redis.call('SET', KEYS[1], time[1] .. '.' .. time[2], 'PX', ARGV[1])
return 'OK'
`);

/**
 * Sessions in Redis, read there at every request, so that what one node makes forgotten no node knows any more. A state
 * carries its user's epoch of when it was put and counts only while that is the epoch still: forgetting all sessions of
 * a user is one write, wherever the sessions are kept. While Redis is away `find` knows nothing and `put` does nothing
 * (the repositories are asked instead); `invalidate` throws, because other nodes may still reach what it must remove.
 */
export class RedisSessionCache implements SessionCache {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<InvalidationListener>();
  /** Whose a session was when last seen: a guess that lets session and epoch be asked for in one round trip. */
  readonly #users = new Map<SessionId, UserId>();

  private constructor({ connection, clock }: RedisSessionCacheOptions) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Resolves when it hears what any node invalidates. */
  static async open(options: RedisSessionCacheOptions): Promise<RedisSessionCache> {
    const cache = new RedisSessionCache(options);
    await options.subscriber.add(INVALIDATIONS, (message) => cache.#tell(parseTarget(message)));
    return cache;
  }

  async find(_scope: SystemScope, sessionId: SessionId): Promise<SessionState | undefined> {
    try {
      return await this.#find(sessionId);
    } catch (error) {
      if (isAway(error)) return undefined;
      throw error;
    }
  }

  async put(_scope: SystemScope, sessionId: SessionId, state: SessionState): Promise<void> {
    try {
      const epoch = await this.#epochOf(state.userId);
      const text = JSON.stringify({ epoch, ...state });
      await this.#connection.send(['SET', sessionKey(sessionId), text, 'PX', String(SESSION_TTL_MS)]);
    } catch (error) {
      if (!isAway(error)) throw error;
    }
  }

  async invalidate(_scope: SystemScope, target: InvalidationTarget): Promise<void> {
    if ('sessionId' in target) await this.#connection.send(['DEL', sessionKey(target.sessionId)]);
    else await NEW_EPOCH.run(this.#connection, [userEpochKey(target.userId)], [EPOCH_TTL_MS]);
    await this.#connection.send(['SPUBLISH', INVALIDATIONS, JSON.stringify(target)]);
  }

  onInvalidated(_scope: SystemScope, listener: InvalidationListener): Unsubscribe {
    // One of its own: the same function may listen twice.
    const entry: InvalidationListener = (target) => listener(target);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /**
   * To be called when announcements may have been missed. Said twice: what could not be removed while Redis was away is
   * still found there, until it expires.
   */
  catchUp(): void {
    this.#tell(undefined);
    this.#clock.sleep(SESSION_TTL_MS, this.#closing.signal).then(
      () => this.#tell(undefined),
      () => undefined,
    );
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
  }

  #tell(target: InvalidationTarget | undefined): void {
    for (const listener of [...this.#listeners]) listener(target);
  }

  async #find(sessionId: SessionId): Promise<SessionState | undefined> {
    const guess = this.#users.get(sessionId);
    // Asked for in this order on one connection: the epoch is never older than the session.
    const [text, guessed] = await Promise.all([
      this.#connection.send(['GET', sessionKey(sessionId)]),
      guess && this.#epochOf(guess),
    ]);
    if (typeof text !== 'string') return undefined;
    const stored = storedSchema.safeParse(JSON.parse(text));
    // Written by another version of this system.
    if (!stored.success) return undefined;
    const { epoch, userId, workspaceId, role, revoked, account } = stored.data;
    const current = guess === userId ? guessed : await this.#epochOf(userId);
    if (guess !== userId) this.#remember(sessionId, userId);
    return epoch === current ? { userId, workspaceId, role, revoked, account } : undefined;
  }

  /** Empty: nothing of this user was made forgotten lately. */
  async #epochOf(userId: UserId): Promise<string> {
    return String((await this.#connection.send(['GET', userEpochKey(userId)])) ?? '');
  }

  #remember(sessionId: SessionId, userId: UserId): void {
    this.#users.set(sessionId, userId);
    if (this.#users.size <= USERS_REMEMBERED_MAX) return;
    for (const oldest of this.#users.keys()) {
      this.#users.delete(oldest);
      return;
    }
  }
}

/** undefined for what nobody of this version said: then it may have been anything. */
function parseTarget(message: string): InvalidationTarget | undefined {
  const [, name = '', id = ''] = /^\{"(\w+)":"(\w+)"\}$/.exec(message) ?? [];
  const sessionId = name === 'sessionId' ? parseId('ses', id) : undefined;
  if (sessionId !== undefined) return { sessionId };
  const userId = name === 'userId' ? parseId('usr', id) : undefined;
  return userId && { userId };
}
