import { randomBytes, randomFillSync } from 'node:crypto';
import type { Random } from '../../domain/ports/system.ts';

const POOL_BYTES = 4_096;

/**
 * The operating system's generator: fit for keys and tokens. Asked for a page at a time, since the call costs more than
 * its bytes; each byte is given out once and wiped here.
 */
export class SystemRandom implements Random {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #next = POOL_BYTES;

  bytes(count: number): Uint8Array {
    if (count > POOL_BYTES) return randomBytes(count);
    if (this.#next + count > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const end = this.#next + count;
    const given = this.#pool.slice(this.#next, end);
    this.#pool.fill(0, this.#next, end);
    this.#next = end;
    return given;
  }
}
