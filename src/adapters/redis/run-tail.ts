import type { Clock } from '../../domain/ports/system.ts';
import type { RunEvent } from '../../domain/run.ts';

export type RunListener = (events: readonly RunEvent[]) => void;

export interface AnnouncedBatch {
  readonly firstSequence: number;
  readonly count: number;
  /** Called only if somebody has to be told; empty if the announcement cannot be read. */
  readonly decode: () => readonly RunEvent[];
}
export interface RunTailOptions {
  readonly clock: Clock;
  /** Stored events after a sequence, at most `limit`; undefined when the log is gone. */
  readonly read: (after: number, limit: number) => Promise<readonly RunEvent[] | undefined>;
}

const READ_EVENTS_MAX = 1_000;
const RETRY_MS = 1_000;

/**
 * What this process tells its listeners of one run. Batches are announced by its own appends and by the server, in any
 * order and more than once; the position makes of them every event once and in order, and whatever does not continue at
 * the position is read from the log, which is the truth.
 */
export class RunTail {
  readonly #options: RunTailOptions;
  readonly #listeners = new Set<RunListener>();
  readonly #closing = new AbortController();
  /** Sequence of the next event to tell; undefined until it is known where the log stands. */
  #position: number | undefined;
  #isBehind = false;
  #isReading = false;

  constructor(options: RunTailOptions) {
    this.#options = options;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  add(listener: RunListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: RunListener): void {
    this.#listeners.delete(listener);
  }

  /** Begins at this sequence. What was announced earlier is read again if it is not older. */
  beginAt(sequence: number): void {
    this.#position = sequence;
    if (this.#isBehind) void this.#catchUp();
  }

  announce({ firstSequence, count, decode }: AnnouncedBatch): void {
    if (this.#position !== undefined && !this.#isReading && !this.#isBehind) {
      if (firstSequence + count <= this.#position) return;
      if (firstSequence === this.#position) {
        const events = decode();
        if (events.length === count) {
          this.#tell(events);
          return;
        }
      }
    }
    this.fallBehind();
  }

  /** Something may have been missed. */
  fallBehind(): void {
    this.#isBehind = true;
    if (this.#position !== undefined) void this.#catchUp();
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
  }

  #tell(events: readonly RunEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    this.#position = last.sequence + 1;
    for (const listener of [...this.#listeners]) listener(events);
  }

  async #catchUp(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isBehind && !this.#closing.signal.aborted) {
      this.#isBehind = false;
      try {
        const position = this.#position ?? 0;
        const events = (await this.#options.read(position - 1, READ_EVENTS_MAX)) ?? [];
        if (events.length === READ_EVENTS_MAX) this.#isBehind = true;
        this.#tell(events);
      } catch {
        this.#isBehind = true;
        await this.#options.clock.sleep(RETRY_MS, this.#closing.signal).catch(() => undefined);
      }
    }
    this.#isReading = false;
  }
}
