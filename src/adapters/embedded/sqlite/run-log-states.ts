import type { RunEvent } from '../../../domain/run.ts';
import type { RunLogState } from './run-log-state.ts';

/** Runs remembered at once; one that is forgotten is read from the file again. */
const RUNS_MAX = 10_000;
/** Events remembered over all runs, about 150 bytes each. */
const EVENTS_MAX = 200_000;

/** The states of recently touched runs; bounded, least recently touched first out. */
export class RunLogStates {
  /** A Map keeps insertion order: the first is the one untouched for longest. */
  readonly #states = new Map<string, RunLogState>();
  #eventCount = 0;

  get(id: string): RunLogState | undefined {
    const state = this.#states.get(id);
    if (state === undefined) return undefined;
    this.#states.delete(id);
    this.#states.set(id, state);
    return state;
  }

  add(id: string, state: RunLogState): void {
    this.#states.set(id, state);
    this.#shrink();
  }

  /** Remembers durable events of a run, unless it was forgotten in the meantime. */
  accept(id: string, state: RunLogState, events: readonly RunEvent[]): void {
    const before = state.tailLength;
    state.accept(events);
    if (this.#states.get(id) !== state) return;
    this.#eventCount += state.tailLength - before;
    this.#shrink();
  }

  forgetKeys(keys: ReadonlySet<number>): void {
    if (keys.size === 0) return;
    for (const [id, state] of this.#states) if (keys.has(state.key)) this.#forget(id, state);
  }

  clear(): void {
    this.#states.clear();
    this.#eventCount = 0;
  }

  #shrink(): void {
    if (this.#states.size <= RUNS_MAX && this.#eventCount <= EVENTS_MAX) return;
    for (const [id, state] of this.#states) {
      if (state.writesUnderWay === 0) this.#forget(id, state);
      if (this.#states.size <= RUNS_MAX && this.#eventCount <= EVENTS_MAX) return;
    }
  }

  #forget(id: string, state: RunLogState): void {
    this.#states.delete(id);
    this.#eventCount -= state.tailLength;
  }
}
