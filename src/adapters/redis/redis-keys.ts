import { hash } from 'node:crypto';
import type { RunId, SessionId, UserId } from '../../domain/ids.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';

/**
 * Every key of the system. What one script touches shares the part in braces, by which Redis Cluster places keys, so
 * that no script and no command spans two nodes.
 */
const PREFIX = 'multidb';

export interface RunKeys {
  /** Stream of batches; also the name of the channel on which they are announced. */
  readonly events: string;
  /** Hash: `generation`, `next` (sequence of the next event), `bytes`. */
  readonly state: string;
  /** List of batches' step results, in order; gone when the run is settled. */
  readonly steps: string;
}

export function runKeys({ workspaceId }: WorkspaceScope, runId: RunId): RunKeys {
  const run = `${PREFIX}:run:{${workspaceId}/${runId}}`;
  return { events: `${run}:events`, state: `${run}:state`, steps: `${run}:steps` };
}

export function limitKey(name: string, subject: string): string {
  return `${PREFIX}:limit:{${hash('sha256', `${name}\0${subject}`, 'base64url')}}`;
}

export function sessionKey(sessionId: SessionId): string {
  return `${PREFIX}:session:{${sessionId}}`;
}

/** Changes whenever all sessions of the user are to be forgotten. */
export function userEpochKey(userId: UserId): string {
  return `${PREFIX}:user-epoch:{${userId}}`;
}

/** Channel on which every invalidation is announced, as JSON. */
export const INVALIDATIONS = `${PREFIX}:invalidations`;

export interface CacheKeys {
  /** Followed by the caller's key. */
  readonly valuePrefix: string;
  /** Sorted set of the callers' keys, all of score 0: ordered by bytes. */
  readonly names: string;
  /** The same keys by when they expire. */
  readonly expiries: string;
}

export function cacheKeys({ workspaceId }: WorkspaceScope): CacheKeys {
  const cache = `${PREFIX}:cache:{${workspaceId}}`;
  return { valuePrefix: `${cache}:value:`, names: `${cache}:names`, expiries: `${cache}:expiries` };
}
