import type { Log } from '../domain/ports/system.ts';
import type { Config } from './config.ts';
import type { ShutdownStack } from './shutdown.ts';

/** What everything that is opened at a start is given. */
export interface OpenContext {
  readonly config: Config;
  readonly log: Log;
  readonly shutdown: ShutdownStack;
  readonly signal: AbortSignal;
}
