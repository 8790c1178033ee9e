import { createHash } from 'node:crypto';
import { SeededRandom } from '../support/random.ts';

/** All chance of one simulation, and the trace of what it came to. */
export class Dice {
  readonly random: SeededRandom;
  readonly #hash = createHash('sha256');
  readonly #recent: string[] = [];
  #lineCount = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(Math.imul(seed + 1, 0x9e3779b1));
  }

  chance(probability: number): boolean {
    return this.random.fraction() < probability;
  }

  /** 0 up to, and with, max. */
  upTo(max: number): number {
    return Math.floor(this.random.fraction() * (max + 1));
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.random.fraction() * items.length)];
  }

  note(line: string): void {
    this.#lineCount += 1;
    this.#hash.update(`${line}\n`);
    this.#recent.push(line);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
  }

  get lineCount(): number {
    return this.#lineCount;
  }
  /** The last lines before a violation. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  /** Of everything noted so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
const RECENT_MAX = 60;
