import type { RunEvent } from '../../../domain/run.ts';

/** Older events are read from the file again. */
const TAIL_EVENTS_MAX = 2_048;

/** What is known in memory of one run's log, so that a live run costs no query. */
export class RunLogState {
  readonly key: number;
  /** Highest generation seen; appends of older ones are refused. */
  generation: number;
  retireAt: number | null;
  /** Sequence of the next event, counting those on their way to disk. */
  next: number;
  /** Number of events that are on disk. */
  durable: number;
  /** Newest durable events; the last one has sequence `durable - 1`. */
  readonly #tail: RunEvent[] = [];

  constructor(known: { key: number; generation: number; retireAt: number | null; next: number }) {
    this.key = known.key;
    this.generation = known.generation;
    this.retireAt = known.retireAt;
    this.next = known.next;
    this.durable = known.next;
  }

  /** While above 0 this knows more than the file, and must be remembered. */
  writesUnderWay = 0;

  get tailLength(): number {
    return this.#tail.length;
  }

  /** Called in order, once the events are on disk. */
  accept(events: readonly RunEvent[]): void {
    this.durable += events.length;
    for (const event of events) this.#tail.push(event);
    if (this.#tail.length > TAIL_EVENTS_MAX) this.#tail.splice(0, this.#tail.length - TAIL_EVENTS_MAX / 2);
  }

  /** Durable events after a sequence; undefined when they begin before what is remembered. */
  after(sequence: number, limit: number): readonly RunEvent[] | undefined {
    const from = Math.max(0, sequence + 1);
    if (from >= this.durable) return [];
    const tailStart = this.durable - this.#tail.length;
    return from < tailStart ? undefined : this.#tail.slice(from - tailStart, from - tailStart + limit);
  }
}
