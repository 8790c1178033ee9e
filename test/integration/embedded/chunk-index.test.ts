import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { SqliteChunkIndex } from '../../../src/adapters/embedded/sqlite/sqlite-chunk-index.ts';
import { MemoryChunkIndex } from '../../../src/adapters/memory/memory-chunk-index.ts';
import type { ChunkId, CollectionId, DocumentId } from '../../../src/domain/ids.ts';
import type {
  ChunkIndex,
  ChunkSelection,
  IndexedChunk,
  ScoredChunk,
} from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { ids, newScope, sha256 } from '../../support/fixtures.ts';
import { SeededRandom } from '../../support/random.ts';
import { cleanUp, temporaryFolder } from './support/temporary.ts';

const MODEL = { modelId: 'test', dimensions: 16 };
const OTHER_MODEL = { modelId: 'other', dimensions: 8 };
const signal = new AbortController().signal;

const WORDS =
  'river delta water flow storm graph vector index query token stream lease fence replica shard quota'.split(
    ' ',
  );

class World {
  readonly #random: SeededRandom;
  readonly scopes = [newScope(), newScope()];
  readonly documents: DocumentId[] = Array.from({ length: 4 }, () => ids.next('doc'));
  readonly collections: CollectionId[] = [ids.next('col'), ids.next('col')];
  readonly chunkIds: ChunkId[] = [];
  readonly hashes: string[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(count: number): number {
    return Math.floor(this.#random.fraction() * count);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  words(count: number): string[] {
    return Array.from({ length: count }, () => this.pick(WORDS));
  }

  vector(dimensions: number): Float32Array {
    const values = Float32Array.from({ length: dimensions }, () => this.#random.fraction() * 2 - 1);
    return this.below(10) === 0
      ? new Float32Array(dimensions)
      : values.map((value) => value / Math.hypot(...values));
  }

  chunk(documentId: DocumentId, documentVersion: number, ordinal: number, dimensions: number): IndexedChunk {
    const text = this.words(1 + this.below(12)).join(' ');
    // Sometimes a chunk that is there already, written again with other content.
    const id = this.chunkIds.length > 0 && this.below(8) === 0 ? this.pick(this.chunkIds) : ids.next('chk');
    this.chunkIds.push(id);
    const contentHash = sha256(text);
    this.hashes.push(contentHash);
    return {
      ...{ id, documentId, documentVersion, ordinal, text, contentHash, start: 0, end: text.length },
      collectionId: this.pick(this.collections),
      headingPath: this.words(this.below(3)),
      page: this.below(2) === 0 ? null : 1,
      metadata: { year: 2_000 + this.below(3), tags: this.words(2) },
      vector: this.vector(dimensions),
      tokenIds: Uint32Array.from(new Set(Array.from({ length: this.below(6) }, () => this.below(9)))),
    };
  }

  selection(): ChunkSelection {
    const collectionIds = this.below(2) === 0 ? undefined : [this.pick(this.collections)];
    const filters = [[], [{ field: 'year', gte: 2_001 }], [{ field: 'tags', in: this.words(3) }]];
    return { collectionIds, filter: this.pick(filters) };
  }
}

/** One random change, made to both. */
async function change(world: World, indexes: readonly ChunkIndex[]): Promise<void> {
  const scope = world.pick(world.scopes);
  const documentId = world.pick(world.documents);
  const version = 1 + world.below(3);
  const kind = world.below(20);
  const model = world.below(4) === 0 ? OTHER_MODEL : MODEL;
  const chunks = Array.from({ length: 1 + world.below(5) }, (_, ordinal) =>
    world.chunk(documentId, version, ordinal, model.dimensions),
  );
  for (const index of indexes) {
    if (kind < 12) await index.upsert(scope, model, chunks);
    else if (kind < 18) await index.publish(scope, documentId, version);
    else await index.remove(scope, documentId, kind === 18 ? version : undefined);
  }
}

/** Scores to six digits, by id: sums in another order differ in the last ones. */
function byId(scored: readonly ScoredChunk[]): Record<string, number> {
  return Object.fromEntries(scored.map(({ chunkId, score }) => [chunkId, Number(score.toFixed(6))]).sort());
}

async function expectSame(world: World, scope: WorkspaceScope, ours: ChunkIndex, model: ChunkIndex) {
  const terms = world.words(4);
  const selection = world.selection();
  const vector = world.vector(MODEL.dimensions);
  const some = Array.from({ length: 5 }, () => world.pick(world.chunkIds));
  const observe = async (index: ChunkIndex) => {
    const lexical = await index.searchLexical(scope, terms, selection, 10_000);
    expect([...lexical].sort((a, b) => b.score - a.score)).toEqual(lexical);
    return {
      lexical: byId(lexical),
      vector: byId(await index.searchVector(scope, MODEL, vector, selection, 10_000)),
      lexicalById: byId(await index.scoreLexical(scope, terms, some)),
      vectorById: byId(await index.scoreVector(scope, MODEL, vector, some)),
      chunks: (await index.get(scope, some)).map(({ id }) => id).sort(),
      statistics: await index.tokenStatistics(scope, MODEL, [0, 1, 2, 3, 4, 5, 6, 7, 8, 99]),
      vectors: [...(await index.findVectors(scope, MODEL, world.hashes)).keys()].sort(),
    };
  };
  const observed = await observe(ours);
  expect(observed).toEqual(await observe(model));
  return Object.keys(observed.lexical).length + Object.keys(observed.vectorById).length;
}

describe('the embedded chunk index', () => {
  it.each([1, 2, 3])('agrees with the executable specification, world %i', async (seed) => {
    const path = join(await temporaryFolder(), 'chunks.sqlite');
    const world = new World(seed);
    const ours = new SqliteChunkIndex(path);
    // Stands for another process that works on the same folder.
    const beside = new SqliteChunkIndex(path);
    cleanUp(async () => void (await Promise.all([ours.close(), beside.close()])));
    const model = new MemoryChunkIndex();
    let found = 0;
    for (let step = 0; step < 80; step += 1) {
      await change(world, [world.below(2) === 0 ? ours : beside, model]);
      found += await expectSame(world, world.pick(world.scopes), ours, model);
    }
    expect(found).toBeGreaterThan(60);
  });

  it('keeps its statistics free of what is gone', async () => {
    const path = join(await temporaryFolder(), 'chunks.sqlite');
    const world = new World(7);
    const index = new SqliteChunkIndex(path);
    for (let step = 0; step < 60; step += 1) await change(world, [index]);
    for (const scope of world.scopes) for (const id of world.documents) await index.remove(scope, id);
    await index.close();
    const database = new DatabaseSync(path);
    const count = (sql: string) => Object.values(database.prepare(sql).get() ?? {})[0];
    expect(count('SELECT count(*) FROM lexicon')).toBe(0);
    expect(count('SELECT count(*) FROM chunk')).toBe(0);
    expect(count('SELECT count(*) FROM vector')).toBe(0);
    expect(count('SELECT sum(abs(chunk_count) + abs(term_count)) FROM workspace')).toBe(0);
    expect(count('SELECT sum(abs(chunk_count)) FROM token_frequency')).toBe(0);
    expect(count('SELECT sum(abs(chunk_count)) FROM model_statistics')).toBe(0);
    database.close();
  });

  it('finds the same best passages by bytes as by floats', async () => {
    const world = new World(11);
    const index = new SqliteChunkIndex(join(await temporaryFolder(), 'chunks.sqlite'));
    cleanUp(() => index.close());
    const model = new MemoryChunkIndex();
    const scope = newScope();
    const documentId = ids.next('doc');
    const chunks = Array.from({ length: 3_000 }, (_, at) => ({
      ...world.chunk(documentId, 1, at, MODEL.dimensions),
      id: ids.next('chk'),
    }));
    for (const one of [index, model]) {
      await one.upsert(scope, MODEL, chunks);
      await one.publish(scope, documentId, 1);
    }
    for (let query = 0; query < 10; query += 1) {
      const vector = world.vector(MODEL.dimensions);
      const find = (one: ChunkIndex) => one.searchVector(scope, MODEL, vector, { filter: [] }, 50);
      expect(byId(await find(index))).toEqual(byId(await find(model)));
    }
  });

  it('refuses vectors of other dimensions, and answers for its health', async () => {
    const index = new SqliteChunkIndex(join(await temporaryFolder(), 'chunks.sqlite'));
    cleanUp(() => index.close());
    const search = index.searchVector(newScope(), MODEL, new Float32Array(3), { filter: [] }, 1);
    await expect(search).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await index.health(signal);
    await expect(index.health(AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
    await index.close();
    await expect(index.health(signal)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
