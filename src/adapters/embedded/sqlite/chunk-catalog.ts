import { matchesFilter } from '../../../domain/metadata-filter.ts';
import type { ChunkSelection } from '../../../domain/ports/chunk-index.ts';
import { metadataSchema } from './chunk-rows.ts';
import { unpackVector } from './packed-values.ts';
import type { Statements } from './statements.ts';
import { VectorSlab } from './vector-slab.ts';

/** What a search needs of a workspace's statistics. */
export interface WorkspaceRow {
  readonly key: number;
  readonly change: number;
  readonly chunkCount: number;
  readonly termCount: number;
}

const CHANGED = 'SELECT key, active_version FROM document WHERE workspace_key = ? AND change > ?';
const CHUNKS =
  'SELECT key, chunk_id, collection_id, metadata FROM chunk WHERE document_key = ? AND version = ?';
const VECTORS = `SELECT chunk.key, vector.vector FROM chunk
  JOIN vector ON vector.chunk_key = chunk.key AND vector.model_key = ?
  WHERE chunk.document_key = ? AND chunk.version = ?`;

const FIRST_CAPACITY = 256;
/** A chunk's entry beside its vectors, roughly: id, keys, maps. */
const ENTRY_BYTES = 256;

/**
 * The published chunks of one workspace in memory, each in a numbered slot: what a search filters by, and the vectors it
 * scans. Catches up with the file by the documents that changed since.
 */
export class ChunkCatalog {
  readonly #statements: Statements;
  readonly #workspaceKey: number;
  #change = -1;
  #capacity = FIRST_CAPACITY;
  /** Slots below this have been used. */
  #size = 0;
  readonly #free: number[] = [];
  readonly #chunkKeys: number[] = [];
  readonly #chunkIds: string[] = [];
  readonly #collectionIds: string[] = [];
  /** JSON as stored. */
  readonly #metadata: string[] = [];
  readonly #slotOfKey = new Map<number, number>();
  readonly #documents = new Map<number, { readonly version: number; readonly slots: readonly number[] }>();
  readonly #slabs = new Map<number, VectorSlab>();

  constructor(statements: Statements, workspaceKey: number) {
    this.#statements = statements;
    this.#workspaceKey = workspaceKey;
  }

  get byteLength(): number {
    let bytes = this.#size * ENTRY_BYTES;
    for (const slab of this.#slabs.values()) bytes += slab.byteLength;
    return bytes;
  }

  get size(): number {
    return this.#size;
  }

  /** Within the transaction that read `workspace`. */
  catchUp(workspace: WorkspaceRow): void {
    if (workspace.change === this.#change) return;
    const changed = this.#statements.all(CHANGED, this.#workspaceKey, this.#change);
    for (const { key } of changed) this.#removeDocument(Number(key));
    for (const { key, active_version: version } of changed) this.#addDocument(Number(key), Number(version));
    this.#change = workspace.change;
  }

  slotOf(chunkKey: number): number | undefined {
    return this.#slotOfKey.get(chunkKey);
  }

  keyOf(slot: number): number {
    return this.#chunkKeys[slot] ?? 0;
  }

  chunkIdOf(slot: number): string {
    return this.#chunkIds[slot] ?? '';
  }

  /** The vectors of a model, read from the file when they are first asked for. */
  slab(modelKey: number, dimensions: number): VectorSlab {
    const known = this.#slabs.get(modelKey);
    if (known !== undefined) return known;
    const slab = new VectorSlab(dimensions, this.#capacity);
    for (const [documentKey, { version }] of this.#documents)
      this.#fill(slab, modelKey, documentKey, version);
    this.#slabs.set(modelKey, slab);
    return slab;
  }

  /** Whether a slot is selected; the filter is asked once for each distinct metadata. */
  selector({ collectionIds, filter }: ChunkSelection): (slot: number) => boolean {
    if (collectionIds === undefined && filter.length === 0) return () => true;
    const collections: ReadonlySet<string> | undefined = collectionIds && new Set(collectionIds);
    const verdicts = new Map<string, boolean>();
    const matches = (metadata: string): boolean => {
      const known = verdicts.get(metadata);
      if (known !== undefined) return known;
      const verdict = matchesFilter(metadataSchema.parse(JSON.parse(metadata)), filter);
      verdicts.set(metadata, verdict);
      return verdict;
    };
    return (slot) =>
      (collections === undefined || collections.has(this.#collectionIds[slot] ?? '')) &&
      (filter.length === 0 || matches(this.#metadata[slot] ?? '{}'));
  }

  #removeDocument(documentKey: number): void {
    for (const slot of this.#documents.get(documentKey)?.slots ?? []) {
      this.#slotOfKey.delete(this.keyOf(slot));
      for (const slab of this.#slabs.values()) slab.clear(slot);
      this.#free.push(slot);
    }
    this.#documents.delete(documentKey);
  }

  #addDocument(documentKey: number, version: number): void {
    if (version === 0) return;
    const slots: number[] = [];
    // The chunks of a document repeat these; kept once, they cost nothing.
    const strings = new Map<string, string>();
    for (const row of this.#statements.each(CHUNKS, documentKey, version)) {
      const { key, chunk_id: chunkId, collection_id: collectionId, metadata } = row;
      const slot = this.#takeSlot();
      this.#chunkKeys[slot] = Number(key);
      this.#chunkIds[slot] = String(chunkId);
      this.#collectionIds[slot] = once(strings, String(collectionId));
      this.#metadata[slot] = once(strings, String(metadata));
      this.#slotOfKey.set(Number(key), slot);
      slots.push(slot);
    }
    this.#documents.set(documentKey, { version, slots });
    for (const [modelKey, slab] of this.#slabs) this.#fill(slab, modelKey, documentKey, version);
  }

  #takeSlot(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#size === this.#capacity) {
      this.#capacity *= 2;
      for (const slab of this.#slabs.values()) slab.grow(this.#capacity);
    }
    this.#size += 1;
    return this.#size - 1;
  }

  #fill(slab: VectorSlab, modelKey: number, documentKey: number, version: number): void {
    for (const { key, vector } of this.#statements.each(VECTORS, modelKey, documentKey, version)) {
      const slot = this.#slotOfKey.get(Number(key));
      if (slot !== undefined) slab.set(slot, unpackVector(vector));
    }
  }
}

function once(strings: Map<string, string>, text: string): string {
  const known = strings.get(text);
  if (known !== undefined) return known;
  strings.set(text, text);
  return text;
}
