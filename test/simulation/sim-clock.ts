import type { Clock } from '../../src/domain/ports/system.ts';

interface Sleeper {
  readonly dueAt: number;
  readonly wake: () => void;
}

/** Time that moves only when the simulation says so, from one sleeper to the next. */
export class SimClock implements Clock {
  /** Noon in the middle of a month: no period ends by accident. */
  #now = Date.UTC(2026, 0, 15, 12);
  #sleepers: Sleeper[] = [];

  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { dueAt: this.#now + Math.max(0, ms), wake };
      signal?.addEventListener('abort', abort, { once: true });
      // Behind those that are due at the same moment: first come, first woken.
      const place = this.#sleepers.findIndex(({ dueAt }) => dueAt > sleeper.dueAt);
      this.#sleepers.splice(place < 0 ? this.#sleepers.length : place, 0, sleeper);
    });
  }

  /** Moves to the next sleeper and wakes it alone; false: nobody sleeps. */
  step(): boolean {
    const next = this.#sleepers.shift();
    if (!next) return false;
    this.#now = next.dueAt;
    next.wake();
    return true;
  }
}

/** Until everything that can happen without time has happened. */
export async function quiescence(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
