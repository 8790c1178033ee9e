import type { Log } from '../../domain/ports/system.ts';

const ignore = (): void => {};

/** For embedding the parts without their log, and for tests that read none. */
export const noopLog: Log = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore });
