import { hash, verify } from '@node-rs/argon2';
import { DomainError } from '../../domain/errors.ts';
import type { PasswordHasher } from '../../domain/ports/identity.ts';

/** OWASP's first choice for argon2id: 46 MiB, one pass, one lane. The package's default algorithm is argon2id. */
const ARGON2_OPTIONS = { memoryCost: 47_104, timeCost: 1, parallelism: 1 } as const;
/** Each hash holds 46 MiB and a thread of the libuv pool, which file system and DNS calls share. */
const CONCURRENT_HASHES_MAX = 2;
/** About one second of work at two at a time: whoever would wait longer is told so at once. */
const QUEUED_HASHES_MAX = 64;
const QUEUE_FULL_RETRY_AFTER_MS = 1_000;

/** Holds at most two hashes in work and 64 waiting; one more throws RATE_LIMITED without doing any work. */
export class Argon2PasswordHasher implements PasswordHasher {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, ARGON2_OPTIONS));
  }

  /** False also for a stored hash that cannot be read: it matches no password. */
  verify(encoded: string, password: string): Promise<boolean> {
    return this.#inTurn(() => verify(encoded, password).catch(() => false));
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < CONCURRENT_HASHES_MAX) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= QUEUED_HASHES_MAX) {
      throw new DomainError('RATE_LIMITED', 'Too many sign-ins at once. Try again in a moment.', {
        retryAfterMs: QUEUE_FULL_RETRY_AFTER_MS,
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the place to the next in line rather than freeing it, so that a newcomer cannot overtake. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
