import { type IdOf, type IdPrefix, makeId } from '../../domain/ids.ts';
import type { Clock, IdGenerator, Random } from '../../domain/ports/system.ts';

const RANDOM_BYTES = 10;
const STEP_BYTES = 4;

/**
 * ULIDs that sort in the order they were made, also within one millisecond and when the clock steps back. The step
 * between neighbours is random, so that nobody can count on from an id they hold.
 */
export class UlidGenerator implements IdGenerator {
  readonly #clock: Clock;
  readonly #random: Random;
  #timeMs = 0;
  #tail: Uint8Array = new Uint8Array(RANDOM_BYTES);

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  next<P extends IdPrefix>(prefix: P): IdOf<P> {
    const now = this.#clock.now();
    if (now > this.#timeMs || !this.#stepTail()) {
      this.#timeMs = Math.max(now, this.#timeMs + 1);
      this.#tail = Uint8Array.from(this.#random.bytes(RANDOM_BYTES));
    }
    return makeId(prefix, this.#timeMs, this.#tail);
  }

  /** Adds 1 to 2³² to the random part. False: it ran over, and only the next millisecond has room. */
  #stepTail(): boolean {
    const step = this.#random.bytes(STEP_BYTES);
    let carry = 1;
    for (let index = RANDOM_BYTES - 1; index >= 0; index -= 1) {
      const added = step[index - (RANDOM_BYTES - STEP_BYTES)] ?? 0;
      const sum = (this.#tail[index] ?? 0) + added + carry;
      this.#tail[index] = sum & 0xff;
      carry = sum >> 8;
    }
    return carry === 0;
  }
}
