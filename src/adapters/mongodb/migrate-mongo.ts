import { DomainError } from '../../domain/errors.ts';
import type { EmbeddingModelRef } from '../../domain/ports/chunk-index.ts';
import type { Clock, Log } from '../../domain/ports/system.ts';
import { SystemClock } from '../system/clock.ts';
import { probeCapabilities } from './capabilities.ts';
import { IndexAdministration, type IndexDifference } from './index-administration.ts';
import {
  CHUNK_COLLECTION,
  LEXICAL_SEARCH_INDEX,
  PLAIN_INDEXES,
  type PlainIndex,
  type SearchIndex,
  tokenIndexFor,
  vectorIndexFor,
} from './index-definitions.ts';
import { MongoConnection } from './mongo-connection.ts';
import { codeOf } from './mongo-error.ts';
import { modelKeyOf } from './vector-codec.ts';

export interface MongoMigrationOptions {
  readonly url: string;
  readonly log: Log;
  /** Models whose chunks are to be found from the start; the first chunk of any other makes its indexes. */
  readonly models?: readonly EmbeddingModelRef[];
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/** NamespaceExists. */
const COLLECTION_EXISTS_CODE = 48;

/**
 * Creates what is missing, brings search indexes to their definitions, and waits until all can be queried; returns the
 * names of what was changed. Safe from many processes at once. Throws CONFLICT, having changed nothing, when a plain
 * index of one of our names is over other fields.
 */
export function migrateMongo(options: MongoMigrationOptions): Promise<readonly string[]> {
  return withAdministration(options, async (administration, connection, wanted) => {
    const plain = await administration.comparePlain(wanted.plain);
    refuseOthers(plain);
    await createCollection(connection);
    const absent = new Set(plain.map(({ name }) => name));
    await administration.createPlain(wanted.plain.filter(({ name }) => absent.has(name)));
    const brought = await administration.bringSearch(wanted.search);
    await administration.waitUntilQueryable(wanted.search, options.signal);
    for (const name of [...absent, ...brought]) options.log.info({ index: name }, 'index applied');
    return [...absent, ...brought];
  });
}

/** What `migrateMongo` would change, and what it would refuse; changes nothing. */
export function mongoMigrationStatus(options: MongoMigrationOptions): Promise<readonly IndexDifference[]> {
  return withAdministration(options, async (administration, _connection, { plain, search }) => [
    ...(await administration.comparePlain(plain)),
    ...(await administration.compareSearch(search)),
  ]);
}

export interface WantedIndexes {
  readonly plain: readonly PlainIndex[];
  readonly search: readonly SearchIndex[];
}

/** Of the given models, and of all those that have an index there already. */
export async function wantedIndexes(
  administration: IndexAdministration,
  models: readonly EmbeddingModelRef[],
  hasSearch: boolean,
): Promise<WantedIndexes> {
  const keys = [...new Set([...models.map(modelKeyOf), ...(await administration.storedModelKeys())])];
  return {
    plain: [...PLAIN_INDEXES, ...keys.map(tokenIndexFor)],
    search: [...(hasSearch ? [LEXICAL_SEARCH_INDEX] : []), ...keys.map(vectorIndexFor)],
  };
}

async function withAdministration<T>(
  options: MongoMigrationOptions,
  work: (
    administration: IndexAdministration,
    connection: MongoConnection,
    wanted: WantedIndexes,
  ) => Promise<T>,
): Promise<T> {
  const { url, log, clock = new SystemClock(), models = [] } = options;
  const connection = await MongoConnection.open({ url, log, poolSizeMax: 2 });
  try {
    const { search } = await probeCapabilities(connection, url);
    const administration = new IndexAdministration(connection, clock);
    return await work(administration, connection, await wantedIndexes(administration, models, search));
  } finally {
    await connection.close();
  }
}

/** A search index needs its collection. */
async function createCollection(connection: MongoConnection): Promise<void> {
  try {
    await connection.run(() => connection.database.createCollection(CHUNK_COLLECTION));
  } catch (error) {
    if (codeOf(error) !== COLLECTION_EXISTS_CODE) throw error;
  }
}

function refuseOthers(differences: readonly IndexDifference[]): void {
  const others = differences.filter(({ state }) => state === 'other');
  if (others.length > 0)
    throw new DomainError('CONFLICT', `MONGODB_URL: ${others.map(({ message }) => message).join(' ')}`);
}
