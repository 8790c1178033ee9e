import type { Log } from '../domain/ports/system.ts';

interface Step {
  readonly name: string;
  readonly close: () => Promise<void>;
  readonly deadlineMs: number;
}

/** Closes what was opened, last first; each step has a deadline, and one that fails or hangs does not hold up the rest. */
export class ShutdownStack {
  readonly #steps: Step[] = [];
  readonly #log: Log;
  #running: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, close: () => Promise<void>, deadlineMs = 5_000): void {
    this.#steps.push({ name, close, deadlineMs });
  }

  /** Runs once, however often it is called. */
  close(): Promise<void> {
    this.#running ??= this.#closeAll();
    return this.#running;
  }

  async #closeAll(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop())
      await this.#closeOne(step);
  }

  async #closeOne({ name, close, deadlineMs }: Step): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not closed within ${deadlineMs} ms`)), deadlineMs);
    });
    try {
      await Promise.race([close(), deadline]);
    } catch (error) {
      this.#log.warn({ part: name, reason: String(error) }, 'shutdown step failed');
    } finally {
      clearTimeout(timer);
    }
  }
}
