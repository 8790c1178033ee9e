import type { SessionId, UserId } from '../../domain/ids.ts';
import type {
  InvalidationListener,
  InvalidationTarget,
  SessionCache,
  SessionState,
} from '../../domain/ports/identity.ts';
import type { Unsubscribe } from '../../domain/ports/system.ts';
import type { SystemScope } from '../../domain/scope.ts';

const SESSIONS_MAX = 20_000;

/** Least recently used goes first; everything in constant time but a user's own sessions. */
export class MemorySessionCache implements SessionCache {
  readonly #sessionsMax: number;
  /** In order of use. */
  readonly #states = new Map<SessionId, SessionState>();
  readonly #sessionsOfUser = new Map<UserId, Set<SessionId>>();
  readonly #listeners = new Set<InvalidationListener>();

  constructor(sessionsMax: number = SESSIONS_MAX) {
    this.#sessionsMax = sessionsMax;
  }

  async find(_scope: SystemScope, sessionId: SessionId): Promise<SessionState | undefined> {
    const state = this.#states.get(sessionId);
    if (state === undefined) return undefined;
    this.#states.delete(sessionId);
    this.#states.set(sessionId, state);
    return state;
  }

  async put(_scope: SystemScope, sessionId: SessionId, state: SessionState): Promise<void> {
    this.#forget(sessionId);
    this.#states.set(sessionId, state);
    const sessions = this.#sessionsOfUser.get(state.userId) ?? new Set();
    this.#sessionsOfUser.set(state.userId, sessions.add(sessionId));
    if (this.#states.size <= this.#sessionsMax) return;
    for (const oldest of this.#states.keys()) return this.#forget(oldest);
  }

  async invalidate(_scope: SystemScope, target: InvalidationTarget): Promise<void> {
    if ('sessionId' in target) this.#forget(target.sessionId);
    else
      for (const sessionId of [...(this.#sessionsOfUser.get(target.userId) ?? [])]) this.#forget(sessionId);
    for (const listener of [...this.#listeners]) listener(target);
  }

  onInvalidated(_scope: SystemScope, listener: InvalidationListener): Unsubscribe {
    // One of its own: the same function may listen twice.
    const entry: InvalidationListener = (target) => listener(target);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #forget(sessionId: SessionId): void {
    const state = this.#states.get(sessionId);
    if (state === undefined) return;
    this.#states.delete(sessionId);
    const sessions = this.#sessionsOfUser.get(state.userId);
    sessions?.delete(sessionId);
    if (sessions?.size === 0) this.#sessionsOfUser.delete(state.userId);
  }
}
