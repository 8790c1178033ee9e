import type { Clock } from '../../domain/ports/system.ts';

/**
 * Write timestamps that fall as time goes by, in microseconds. Of two writes of one row the server keeps the one with
 * the greater timestamp: counted backwards, the first. So what stands at a position stays, as in the other stores,
 * without the four round trips of a conditional write, and a repeat changes nothing whenever it arrives. Between
 * processes this holds up to the difference of their clocks; rows are derived from a run, so that two writers of one
 * row write the same. A deletion carries the ordinary time, greater than all of these: it is final.
 */
export class FirstWriteTimestamps {
  readonly #clock: Clock;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Smaller than every one before, also when the clock stands still or goes back. */
  next(): number {
    this.#last = Math.max(this.#last + 1, this.#clock.now() * 1_000);
    return -this.#last;
  }
}
