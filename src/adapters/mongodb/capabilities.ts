import mongoose from 'mongoose';
import { DomainError } from '../../domain/errors.ts';
import { CHUNK_COLLECTION, LEXICAL_INDEX } from './index-definitions.ts';
import type { MongoConnection } from './mongo-connection.ts';
import { codeOf, toDomainError } from './mongo-error.ts';

export interface MongoCapabilities {
  /** The server takes BSON binary vectors. */
  readonly binaryVectors: boolean;
  /** The server has `$search`. */
  readonly search: boolean;
}

/** Unrecognized pipeline stage; SearchNotEnabled; stage not allowed here; CommandNotFound; CommandNotSupported. */
const LACKING_CODE = new Set([40324, 31082, 6047401, 59, 115]);
const PROBE_TIMEOUT_MS = 5_000;

/** Asks the server itself: versions and vendors promise what deployments then do not have. Writes nothing. */
export async function probeCapabilities(
  connection: MongoConnection,
  url: string,
): Promise<MongoCapabilities> {
  const vector = { index: 'probe', path: 'probe', queryVector: [1], numCandidates: 1, limit: 1 };
  if (!(await hasStage(connection, { $vectorSearch: vector }))) {
    throw new DomainError(
      'STORE_UNAVAILABLE',
      'MONGODB_URL: the server has no $vectorSearch. Needed is MongoDB Atlas, the image mongodb/mongodb-atlas-local, ' +
        'or MongoDB Community 8.2 or later as a replica set with mongot beside it.',
      { retryable: false },
    );
  }
  const lexical = { index: LEXICAL_INDEX, exists: { path: 'workspaceId' } };
  const [search, binaryVectors] = await Promise.all([
    hasStage(connection, { $search: lexical }),
    takesBinaryVectors(url),
  ]);
  return { search, binaryVectors };
}

async function hasStage(connection: MongoConnection, stage: mongoose.mongo.Document): Promise<boolean> {
  const options = { maxTimeMS: PROBE_TIMEOUT_MS };
  try {
    await connection.run(() =>
      connection.database
        .collection(CHUNK_COLLECTION)
        .aggregate([stage, { $limit: 1 }], options)
        .toArray(),
    );
    return true;
  } catch (error) {
    if (LACKING_CODE.has(codeOf(error) ?? 0)) return false;
    throw error;
  }
}

/**
 * On a connection of its own: a server that cannot read the value closes the connection, which would take the
 * operations beside it along.
 */
async function takesBinaryVectors(url: string): Promise<boolean> {
  const client = new mongoose.mongo.MongoClient(url, {
    ...{ maxPoolSize: 1, retryReads: false, retryWrites: false, appName: 'multidb-ai probe' },
    ...{ serverSelectionTimeoutMS: PROBE_TIMEOUT_MS, connectTimeoutMS: PROBE_TIMEOUT_MS },
    socketTimeoutMS: PROBE_TIMEOUT_MS,
  });
  try {
    await client.connect();
    const comment = mongoose.mongo.Binary.fromFloat32Array(Float32Array.of(1));
    await client.db().command({ ping: 1 });
    return await client
      .db()
      .command({ ping: 1, comment })
      .then(
        () => true,
        () => false,
      );
  } catch (error) {
    throw toDomainError(error);
  } finally {
    await client.close();
  }
}
