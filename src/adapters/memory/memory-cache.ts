import type { Cache } from '../../domain/ports/chunk-index.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';

export interface MemoryCacheOptions {
  readonly clock: Clock;
  readonly entriesMax?: number;
  /** Of the values; one entry's bookkeeping comes to some 200 bytes more. */
  readonly bytesMax?: number;
}
const ENTRIES_MAX = 50_000;
const BYTES_MAX = 64 * 1024 * 1024;

interface Entry {
  readonly workspaceId: string;
  readonly value: Uint8Array;
  readonly expiresAt: number;
}

/**
 * Least recently used goes first. Reading and writing cost the same however much is held; removing a prefix looks at
 * the keys of its workspace. The expired lie until they are asked for or pushed out, which the bounds allow for.
 */
export class MemoryCache implements Cache {
  readonly #clock: Clock;
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  /** In order of use; a Map keeps insertion order and forgets it in constant time. */
  readonly #entries = new Map<string, Entry>();
  readonly #pathsOfWorkspace = new Map<string, Set<string>>();
  #byteCount = 0;

  constructor({ clock, entriesMax = ENTRIES_MAX, bytesMax = BYTES_MAX }: MemoryCacheOptions) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  async get({ workspaceId }: WorkspaceScope, key: string): Promise<Uint8Array | undefined> {
    const path = `${workspaceId}/${key}`;
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    this.#entries.delete(path);
    if (entry.expiresAt <= this.#clock.now()) {
      this.#forget(path, entry);
      return undefined;
    }
    this.#entries.set(path, entry);
    return entry.value.slice();
  }

  async put({ workspaceId }: WorkspaceScope, key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    const path = `${workspaceId}/${key}`;
    this.#delete(path);
    if (value.byteLength > this.#bytesMax) return;
    const expiresAt = this.#clock.now() + ttlMs;
    this.#entries.set(path, { workspaceId, value: Uint8Array.from(value), expiresAt });
    this.#byteCount += value.byteLength;
    const paths = this.#pathsOfWorkspace.get(workspaceId) ?? new Set();
    this.#pathsOfWorkspace.set(workspaceId, paths.add(path));
    this.#shrink();
  }

  async remove({ workspaceId }: WorkspaceScope, prefix: string): Promise<void> {
    const start = `${workspaceId}/${prefix}`;
    for (const path of this.#pathsOfWorkspace.get(workspaceId) ?? []) {
      if (path.startsWith(start)) this.#delete(path);
    }
  }

  #shrink(): void {
    for (const path of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax && this.#byteCount <= this.#bytesMax) return;
      this.#delete(path);
    }
  }

  #delete(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    this.#forget(path, entry);
  }

  /** Everything but the entry itself. */
  #forget(path: string, { workspaceId, value }: Entry): void {
    this.#byteCount -= value.byteLength;
    const paths = this.#pathsOfWorkspace.get(workspaceId);
    paths?.delete(path);
    if (paths?.size === 0) this.#pathsOfWorkspace.delete(workspaceId);
  }
}
