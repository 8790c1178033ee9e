import { matchesFilter } from '../../../domain/metadata-filter.ts';
import type { ChunkSelection } from '../../../domain/ports/chunk-index.ts';
import { metadataSchema } from './chunk-rows.ts';
import { forEachTermOf } from './lexicon.ts';
import { unpackVector } from './packed-values.ts';
import type { Statements } from './statements.ts';
import { TermIndex } from './term-index.ts';
import { VectorSlab } from './vector-slab.ts';

const CHANGED = 'SELECT key, active_version FROM document WHERE workspace_key = ? AND change > ?';
const CHUNKS = `SELECT key, chunk_id, collection_id, metadata, term_count FROM chunk
  WHERE document_key = ? AND version = ? ORDER BY ordinal, key`;
const LEXICON = 'SELECT places FROM lexicon WHERE document_key = ?';
const VECTORS = `SELECT chunk.key, vector.vector FROM chunk
  JOIN vector ON vector.chunk_key = chunk.key AND vector.model_key = ?
  WHERE chunk.document_key = ? AND chunk.version = ?`;

const FIRST_CAPACITY = 256;
/** A chunk's entry beside its terms and vectors, roughly: id, keys, maps. */
const ENTRY_BYTES = 256;

/** One published chunk. */
interface Entry {
  readonly chunkKey: number;
  readonly chunkId: string;
  readonly collectionId: string;
  /** JSON as stored. */
  readonly metadata: string;
  /** Number of terms, repeats counted. */
  readonly length: number;
}

/**
 * The published chunks of one workspace in memory, each in a numbered slot: what a search filters by, the terms it looks
 * up and the vectors it scans. Catches up with the file by the documents that changed since. Slots are not used again:
 * their owner replaces a catalog most of which is dead.
 */
export class ChunkCatalog {
  readonly terms = new TermIndex();
  readonly #statements: Statements;
  readonly #workspaceKey: number;
  #change = -1;
  #capacity = FIRST_CAPACITY;
  #deadCount = 0;
  /** By slot; undefined: no longer published. */
  readonly #entries: (Entry | undefined)[] = [];
  readonly #slotOfKey = new Map<number, number>();
  readonly #documents = new Map<number, { readonly version: number; readonly slots: readonly number[] }>();
  readonly #slabs = new Map<number, VectorSlab>();

  constructor(statements: Statements, workspaceKey: number) {
    this.#statements = statements;
    this.#workspaceKey = workspaceKey;
  }

  get byteLength(): number {
    let bytes = this.#entries.length * ENTRY_BYTES + this.terms.byteLength;
    for (const slab of this.#slabs.values()) bytes += slab.byteLength;
    return bytes;
  }

  /** Every slot is below this. */
  get size(): number {
    return this.#entries.length;
  }

  get isMostlyDead(): boolean {
    return this.#deadCount > FIRST_CAPACITY && this.#deadCount * 2 > this.#entries.length;
  }

  /** Brings it to the given change of its workspace, within the transaction that read it. */
  catchUp(change: number): void {
    if (change === this.#change) return;
    const changed = this.#statements.all(CHANGED, this.#workspaceKey, this.#change);
    for (const { key } of changed) this.#removeDocument(Number(key));
    for (const { key, active_version: version } of changed) this.#addDocument(Number(key), Number(version));
    this.#change = change;
  }

  slotOf(chunkKey: number): number | undefined {
    return this.#slotOfKey.get(chunkKey);
  }

  /** undefined: the slot is dead. */
  entry(slot: number): Entry | undefined {
    return this.#entries[slot];
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

  /** Whether a slot is alive and selected; the filter is asked once for each distinct metadata. */
  selector({ collectionIds, filter }: ChunkSelection): (slot: number) => boolean {
    const collections: ReadonlySet<string> | undefined = collectionIds && new Set(collectionIds);
    const verdicts = new Map<string, boolean>();
    const matches = (metadata: string): boolean => {
      const known = verdicts.get(metadata);
      if (known !== undefined) return known;
      const verdict = matchesFilter(metadataSchema.parse(JSON.parse(metadata)), filter);
      verdicts.set(metadata, verdict);
      return verdict;
    };
    return (slot) => {
      const entry = this.#entries[slot];
      if (entry === undefined || collections?.has(entry.collectionId) === false) return false;
      return filter.length === 0 || matches(entry.metadata);
    };
  }

  #removeDocument(documentKey: number): void {
    for (const slot of this.#documents.get(documentKey)?.slots ?? []) {
      const entry = this.#entries[slot];
      if (entry !== undefined) this.#slotOfKey.delete(entry.chunkKey);
      this.#entries[slot] = undefined;
      for (const slab of this.#slabs.values()) slab.clear(slot);
      this.#deadCount += 1;
    }
    this.#documents.delete(documentKey);
  }

  #addDocument(documentKey: number, version: number): void {
    if (version === 0) return;
    const first = this.#entries.length;
    // The chunks of a document repeat these; kept once, they cost nothing.
    const strings = new Map<string, string>();
    for (const row of this.#statements.each(CHUNKS, documentKey, version)) {
      const { key, chunk_id: chunkId, collection_id: collectionId, metadata, term_count: length } = row;
      this.#slotOfKey.set(Number(key), this.#entries.length);
      this.#entries.push({
        chunkKey: Number(key),
        chunkId: String(chunkId),
        collectionId: once(strings, String(collectionId)),
        metadata: once(strings, String(metadata)),
        length: Number(length),
      });
    }
    const slots = Array.from({ length: this.#entries.length - first }, (_, index) => first + index);
    this.#documents.set(documentKey, { version, slots });
    const lexicon = this.#statements.get(LEXICON, documentKey);
    if (lexicon !== undefined) {
      forEachTermOf(lexicon, (termKey, places) => this.terms.add(termKey, first, places));
    }
    this.#makeRoom();
    for (const [modelKey, slab] of this.#slabs) this.#fill(slab, modelKey, documentKey, version);
  }

  #makeRoom(): void {
    if (this.#entries.length <= this.#capacity) return;
    while (this.#entries.length > this.#capacity) this.#capacity *= 2;
    for (const slab of this.#slabs.values()) slab.grow(this.#capacity);
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
