import { randomBytes } from 'node:crypto';
import type { Random } from '../../domain/ports/system.ts';

/** The operating system's generator: fit for keys and tokens. */
export class SystemRandom implements Random {
  bytes(count: number): Uint8Array {
    return randomBytes(count);
  }
}
