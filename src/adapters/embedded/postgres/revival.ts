import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../domain/ports/system.ts';
import { isPostmaster, readPostmasterFile } from './postmaster.ts';

const LOOK_MS = 1_000;
/** After a failed revival; doubles up to the longest. */
const BACK_OFF_MS = 1_000;
const BACK_OFF_MAX_MS = 30_000;

/** Starts PostgreSQL again when it died under us (out of memory, somebody's kill), at the same place. */
export class Revival {
  readonly #dataFolder: string;
  readonly #log: Log;
  readonly #revive: (signal: AbortSignal) => Promise<void>;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(dataFolder: string, log: Log, revive: (signal: AbortSignal) => Promise<void>) {
    this.#dataFolder = dataFolder;
    this.#log = log;
    this.#revive = revive;
    this.#done = this.#watch().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #watch(): Promise<void> {
    const signal = this.#stop.signal;
    for (let backOffMs = BACK_OFF_MS; ; ) {
      // Looking must not keep a process alive that has nothing else to do.
      await sleep(LOOK_MS, undefined, { signal, ref: false });
      if (await this.#isAlive()) {
        backOffMs = BACK_OFF_MS;
        continue;
      }
      this.#log.warn({ folder: this.#dataFolder }, 'PostgreSQL is gone; starting it again');
      try {
        await this.#revive(signal);
      } catch (error) {
        signal.throwIfAborted();
        this.#log.error({ error, retryInMs: backOffMs }, 'PostgreSQL could not be started again');
        await sleep(backOffMs, undefined, { signal, ref: false });
        backOffMs = Math.min(backOffMs * 2, BACK_OFF_MAX_MS);
      }
    }
  }

  async #isAlive(): Promise<boolean> {
    const file = readPostmasterFile(this.#dataFolder);
    return file !== undefined && (await isPostmaster(file.pid, this.#dataFolder));
  }
}
