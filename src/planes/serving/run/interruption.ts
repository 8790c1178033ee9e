/**
 * Why a run ends before its answer does. `stop` and `limit` end it at what was shown; after the others this node writes
 * nothing more, and whoever holds the lease next goes on.
 */
export type InterruptionKind = 'stop' | 'limit' | 'stale' | 'drain' | 'log-failed';

export class Interruption extends Error {
  readonly kind: InterruptionKind;

  constructor(kind: InterruptionKind, options?: ErrorOptions) {
    super(`run interrupted: ${kind}`, options);
    this.name = 'Interruption';
    this.kind = kind;
  }
}
