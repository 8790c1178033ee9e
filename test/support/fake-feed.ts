import type { Feed } from '../../src/planes/services.ts';

/** A feed that a test fills by hand. Events pushed before `next` wait in it; `next` gives all that wait as one batch. */
export class FakeFeed<Event> implements Feed<Event> {
  #waiting: Event[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #ended = false;
  closed = false;
  /** How often a consumer asked. */
  nextCount = 0;

  push(...events: Event[]): this {
    this.#waiting.push(...events);
    this.#wake?.();
    return this;
  }

  end(): this {
    this.#ended = true;
    this.#wake?.();
    return this;
  }

  fail(error: Error): this {
    this.#failure = error;
    this.#wake?.();
    return this;
  }

  async next(): Promise<readonly Event[] | undefined> {
    this.nextCount += 1;
    while (!this.closed && !this.#ended && this.#failure === undefined && this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.closed) return undefined;
    if (this.#waiting.length > 0) return this.#waiting.splice(0);
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  close(): void {
    this.closed = true;
    this.#wake?.();
  }
}
