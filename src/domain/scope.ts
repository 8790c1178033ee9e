import type { WorkspaceId } from './ids.ts';

/** First argument of every port method: the tenant inside which it may look. There is no way to ask for "all". */
export interface WorkspaceScope {
  readonly workspaceId: WorkspaceId;
}

/**
 * For the few methods that by their nature stand before or across workspaces (finding a user by e-mail at login,
 * claiming runs of a dead node). Greppable on purpose; never derived from a request.
 */
export interface SystemScope {
  readonly system: true;
}

export const SYSTEM_SCOPE: SystemScope = Object.freeze({ system: true });
