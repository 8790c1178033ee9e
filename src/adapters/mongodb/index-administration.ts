import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { Clock } from '../../domain/ports/system.ts';
import { CHUNK_COLLECTION, modelKeyOfIndex, type PlainIndex, type SearchIndex } from './index-definitions.ts';
import type { MongoConnection } from './mongo-connection.ts';
import { codeOf } from './mongo-error.ts';

const QUERYABLE_TIMEOUT_MS = 10 * 60_000;
const QUERYABLE_POLL_MS = 1_000;
const BUILD_TIMEOUT_MS = 60 * 60_000;
/** IndexAlreadyExists (two names), NamespaceExists: another process was faster. */
const EXISTS_CODE = new Set([48, 68, 85, 86]);

const plainSchema = z.object({ name: z.string(), key: z.record(z.string(), z.unknown()) });
const searchSchema = z.object({
  name: z.string(),
  type: z.string().default('search'),
  queryable: z.boolean().default(false),
  status: z.string().default(''),
  latestDefinition: z.record(z.string(), z.unknown()),
});
type StoredSearchIndex = z.output<typeof searchSchema>;

/** How an index of the server stands to its definition. */
export type IndexState = 'same' | 'missing' | 'other' | 'building';
export interface IndexDifference {
  readonly name: string;
  readonly state: Exclude<IndexState, 'same'>;
  /** A sentence for people. */
  readonly message: string;
  /** `multidb migrate` changes it; an index over other fields may be somebody's own. */
  readonly isMendable: boolean;
}

/** Creates and compares the indexes of the chunk collection; from many processes at once. */
export class IndexAdministration {
  readonly #connection: MongoConnection;
  readonly #clock: Clock;

  constructor(connection: MongoConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Models that have an index of either kind: each needs both, or its chunks are not found. */
  async storedModelKeys(): Promise<readonly string[]> {
    const stored = [...(await this.#listPlain()), ...(await this.#listSearch())];
    return [...new Set(stored.flatMap(({ name }) => modelKeyOfIndex(name) ?? []))].sort();
  }

  async comparePlain(wanted: readonly PlainIndex[]): Promise<readonly IndexDifference[]> {
    const keys = new Map((await this.#listPlain()).map(({ name, key }) => [name, key]));
    return wanted.flatMap(({ name, key }) => {
      const found = keys.get(name);
      if (found === undefined) return [missing(name)];
      // The order of the fields matters, and JSON keeps it.
      if (JSON.stringify(found) === JSON.stringify(key)) return [];
      const message = `The index "${name}" is over ${JSON.stringify(found)}, needed is ${JSON.stringify(key)}: drop it.`;
      return [{ name, state: 'other' as const, message, isMendable: false }];
    });
  }

  async createPlain(indexes: readonly PlainIndex[]): Promise<void> {
    const specifications = indexes.map(({ name, key }) => ({ name, key: { ...key } }));
    if (specifications.length === 0) return;
    await this.#connection.run(() => this.#chunks.createIndexes(specifications), BUILD_TIMEOUT_MS);
  }

  async compareSearch(wanted: readonly SearchIndex[]): Promise<readonly IndexDifference[]> {
    const stored = await this.#listSearch();
    return wanted.flatMap((index) => {
      const found = stored.find(({ name }) => name === index.name);
      return found === undefined ? [missing(index.name)] : differences(index, found);
    });
  }

  /** Creates what is missing and changes what is other; the old definition answers until the new one is built. */
  async bringSearch(wanted: readonly SearchIndex[]): Promise<readonly string[]> {
    const differing = await this.compareSearch(wanted);
    for (const { name, state } of differing) {
      const index = wanted.find((one) => one.name === name);
      if (index === undefined || state === 'building') continue;
      if (state === 'missing') await this.#createSearch(index);
      else await this.#connection.run(() => this.#chunks.updateSearchIndex(name, index.definition));
    }
    return differing.filter(({ state }) => state !== 'building').map(({ name }) => name);
  }

  /** Throws DEADLINE_EXCEEDED naming what is still being built. */
  async waitUntilQueryable(wanted: readonly SearchIndex[], signal?: AbortSignal): Promise<void> {
    const deadline = this.#clock.now() + QUERYABLE_TIMEOUT_MS;
    for (;;) {
      const differing = await this.compareSearch(wanted);
      if (differing.length === 0) return;
      if (this.#clock.now() >= deadline) {
        throw new DomainError('DEADLINE_EXCEEDED', differing.map(({ message }) => message).join(' '));
      }
      await this.#clock.sleep(QUERYABLE_POLL_MS, signal);
    }
  }

  get #chunks() {
    return this.#connection.database.collection(CHUNK_COLLECTION);
  }

  async #createSearch({ name, type, definition }: SearchIndex): Promise<void> {
    try {
      await this.#connection.run(() => this.#chunks.createSearchIndex({ name, type, definition }));
    } catch (error) {
      if (!EXISTS_CODE.has(codeOf(error) ?? 0)) throw error;
    }
  }

  async #listPlain(): Promise<readonly z.output<typeof plainSchema>[]> {
    const stored = await this.#connection.run(async () => {
      const names = await this.#connection.database.listCollections({ name: CHUNK_COLLECTION }).toArray();
      return names.length === 0 ? [] : this.#chunks.listIndexes().toArray();
    });
    return z.array(plainSchema).parse(stored);
  }

  async #listSearch(): Promise<readonly StoredSearchIndex[]> {
    const stored = await this.#connection.run(() => this.#chunks.listSearchIndexes().toArray());
    return z.array(searchSchema).parse(stored);
  }
}

function missing(name: string): IndexDifference {
  return { name, state: 'missing', message: `The index "${name}" is missing.`, isMendable: true };
}

function differences(wanted: SearchIndex, found: StoredSearchIndex): IndexDifference[] {
  const { name } = wanted;
  if (!includes(found.latestDefinition, wanted.definition)) {
    const [actual, needed] = [
      vectorDimensionsOf(found.latestDefinition),
      vectorDimensionsOf(wanted.definition),
    ];
    const message =
      actual !== undefined && actual !== needed
        ? `The vector index "${name}" has ${actual} dimensions and its embedding model ${needed}.`
        : `The search index "${name}" is ${JSON.stringify(found.latestDefinition)}, needed is ${JSON.stringify(wanted.definition)}.`;
    return [{ name, state: 'other', message, isMendable: true }];
  }
  if (found.queryable) return [];
  return [
    {
      name,
      state: 'building',
      isMendable: true,
      message: `The search index "${name}" is not queryable yet (${found.status}).`,
    },
  ];
}

const dimensionsSchema = z.object({ fields: z.array(z.looseObject({ numDimensions: z.int().optional() })) });

function vectorDimensionsOf(definition: unknown): number | undefined {
  const { data } = dimensionsSchema.safeParse(definition);
  return data?.fields.find(({ numDimensions }) => numDimensions !== undefined)?.numDimensions;
}

/** Servers add their defaults to a definition: what we ask for must be there, whatever else is. */
function includes(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) && wanted.every((one) => found.some((other: unknown) => includes(other, one)))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return isDeepStrictEqual(found, wanted);
  if (typeof found !== 'object' || found === null) return false;
  return Object.entries(wanted).every(([key, value]) => includes(Reflect.get(found, key), value));
}
