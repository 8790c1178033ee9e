import { DomainError } from '../../domain/errors.ts';
import type { EmbeddingModelRef } from '../../domain/ports/chunk-index.ts';
import type { Clock, Lifecycle } from '../../domain/ports/system.ts';
import { probeCapabilities } from './capabilities.ts';
import { GridFsBlobStore } from './gridfs-blob-store.ts';
import { IndexAdministration } from './index-administration.ts';
import { type WantedIndexes, wantedIndexes } from './migrate-mongo.ts';
import { MongoChunkIndex } from './mongo-chunk-index.ts';
import { MongoConnection, type MongoOptions } from './mongo-connection.ts';

export interface MongoStoresOptions extends MongoOptions {
  readonly clock: Clock;
  /** Models that must have their indexes already; the first chunk of any other makes them. */
  readonly models?: readonly EmbeddingModelRef[];
}
export interface MongoStores extends Lifecycle {
  readonly chunkIndex: MongoChunkIndex;
  readonly blobs: GridFsBlobStore;
}

/**
 * The chunk index and the original bytes in one MongoDB. Refuses, naming the setting and what to do: a server that does
 * not answer, one without `$vectorSearch`, one whose indexes are missing or other than their definitions.
 */
export async function openMongoStores(options: MongoStoresOptions): Promise<MongoStores> {
  const { url, log, clock, models = [] } = options;
  const connection = await MongoConnection.open(options);
  try {
    const capabilities = await probeCapabilities(connection, url);
    if (!capabilities.search) {
      log.warn(
        {},
        'MongoDB: the server has no $search; words are found by the index over their terms instead',
      );
    }
    const administration = new IndexAdministration(connection, clock);
    await requireMigrated(administration, await wantedIndexes(administration, models, capabilities.search));
    return {
      chunkIndex: new MongoChunkIndex({ connection, capabilities, clock }),
      blobs: await GridFsBlobStore.open(connection, clock),
      health: (signal) => connection.health(signal),
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function requireMigrated(
  administration: IndexAdministration,
  { plain, search }: WantedIndexes,
): Promise<void> {
  const differences = [
    ...(await administration.comparePlain(plain)),
    ...(await administration.compareSearch(search)),
  ];
  const unmet = differences.filter(({ state }) => state !== 'building');
  if (unmet.length === 0) return;
  const reasons = unmet.map(({ message }) => message).join(' ');
  throw new DomainError('STORE_UNAVAILABLE', `MONGODB_URL: ${reasons} Run \`multidb migrate\` first.`, {
    retryable: false,
  });
}
