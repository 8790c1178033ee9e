import { DomainError } from '../../../domain/errors.ts';
import type { CommitOperations } from './commit-thread.ts';
import type { Write } from './serving-schema.ts';
import { ThreadClient } from './thread-client.ts';

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './commit-thread.ts' : './commit-thread.js',
  import.meta.url,
);
/** While the writer is busy, a group gathers at least this long after the one before began. */
const GATHER_MS = 4;
/** Fewer waiting callers than this gain less from a shared sync than they lose by waiting. */
const BUSY_CALLERS = 4;
const WAITING_WRITES_MAX = 65_536;

interface Caller {
  resolve(): void;
  reject(error: unknown): void;
}
interface Group {
  readonly writes: Write[];
  readonly callers: Caller[];
}

/**
 * Group commit: what arrives within one turn of the event loop, or while the group before is being written, becomes one
 * transaction. Idle, a write goes to disk at once; under load one sync carries many. After a failure everything that
 * waits fails too, since it may build on what was lost.
 */
export class GroupCommitWriter {
  readonly #thread: ThreadClient<CommitOperations>;
  #waiting: Group = { writes: [], callers: [] };
  #committing = false;
  #scheduled = false;
  #lastStart = 0;
  #failureCount = 0;
  #onIdle = (): void => undefined;

  constructor(path: string) {
    this.#thread = new ThreadClient<CommitOperations>(ENTRY, { path });
  }

  /** Grows when writes were lost: what a caller remembers of this file may then be wrong. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** All of these or none. Durable when it resolves; promises resolve in the order of the calls. */
  commit(writes: readonly Write[]): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.writes.length + writes.length > WAITING_WRITES_MAX) {
      return Promise.reject(new DomainError('STORE_UNAVAILABLE', 'Too many writes wait for the disk.'));
    }
    return new Promise((resolve, reject) => {
      for (const write of writes) waiting.writes.push(write);
      waiting.callers.push({ resolve, reject });
      if (!this.#committing) this.#schedule(0);
    });
  }

  async close(): Promise<void> {
    if (this.#committing || this.#waiting.callers.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await promise;
    }
    await this.#thread.close();
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const start = (): void => void this.#start();
    // Not a microtask: the callbacks of one turn of the event loop come first.
    if (delayMs > 0) setTimeout(start, delayMs);
    else setImmediate(start);
  }

  async #start(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = { writes: [], callers: [] };
    this.#scheduled = false;
    this.#committing = true;
    this.#lastStart = performance.now();
    try {
      await this.#thread.call('commit', group.writes);
      for (const caller of group.callers) caller.resolve();
    } catch (error) {
      this.#failAll(group, error);
    }
    this.#committing = false;
    this.#continue();
  }

  #continue(): void {
    const count = this.#waiting.callers.length;
    if (count === 0) {
      this.#onIdle();
      return;
    }
    const elapsedMs = performance.now() - this.#lastStart;
    this.#schedule(count < BUSY_CALLERS ? 0 : Math.max(0, Math.ceil(GATHER_MS - elapsedMs)));
  }

  #failAll(group: Group, error: unknown): void {
    this.#failureCount += 1;
    const followers = this.#waiting.callers;
    this.#waiting = { writes: [], callers: [] };
    for (const caller of [...group.callers, ...followers]) caller.reject(error);
  }
}
