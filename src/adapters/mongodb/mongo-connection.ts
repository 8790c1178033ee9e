import mongoose from 'mongoose';
import { DomainError } from '../../domain/errors.ts';
import type { Lifecycle, Log } from '../../domain/ports/system.ts';
import { codeOf, toDomainError } from './mongo-error.ts';

export interface MongoOptions {
  /** `mongodb://` or `mongodb+srv://`; the database in its path, else `multidb`. */
  readonly url: string;
  readonly log: Log;
  readonly poolSizeMax?: number;
  /** Longest a single operation may take, waiting for a server and a connection included. */
  readonly operationTimeoutMs?: number;
  /** Longest wait for a server and for a connection to it. */
  readonly connectTimeoutMs?: number;
}

const DATABASE_DEFAULT = 'multidb';
const POOL_SIZE_MAX = 32;
const OPERATION_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const HEARTBEAT_MS = 5_000;
const DUPLICATE_KEY_CODE = 11_000;
const IDLE_MAX_MS = 5 * 60_000;

/** A connection pool of its own. Nothing is created, indexed or buffered behind our back. */
export class MongoConnection implements Lifecycle {
  readonly mongoose: mongoose.Connection;
  readonly operationTimeoutMs: number;

  private constructor(connection: mongoose.Connection, operationTimeoutMs: number) {
    this.mongoose = connection;
    this.operationTimeoutMs = operationTimeoutMs;
  }

  /** Throws STORE_UNAVAILABLE when no server answers, BAD_USER_INPUT for a malformed URL. */
  static async open(options: MongoOptions): Promise<MongoConnection> {
    requireUrl(options.url);
    const operationTimeoutMs = options.operationTimeoutMs ?? OPERATION_TIMEOUT_MS;
    const connection = mongoose.createConnection();
    try {
      // Without a listener a lost connection would be an uncaught 'error' event; every operation reports it anyway.
      connection.on('error', (error: Error) => options.log.warn({ err: error.name }, 'MongoDB connection'));
      await connection.openUri(options.url, driverOptions(options, operationTimeoutMs));
      return new MongoConnection(connection, operationTimeoutMs);
    } catch (error) {
      // The driver goes on watching a server that refused us, which would keep the process alive.
      await connection.close(true).catch(() => undefined);
      throw toDomainError(error);
    }
  }

  get database(): mongoose.mongo.Db {
    const { db } = this.mongoose;
    if (db === undefined) throw new DomainError('STORE_UNAVAILABLE', 'MongoDB is not available.');
    return db;
  }

  /**
   * Runs one operation with typed errors. The deadline is kept here too: the driver retries once, and a socket that
   * was swallowed by the network ends only by its own timeout, which then nobody waits for.
   */
  async run<T>(work: () => Promise<T>, timeoutMs = this.operationTimeoutMs): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new DomainError('DEADLINE_EXCEEDED', 'MongoDB took too long.'));
      }, timeoutMs);
    });
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      throw toDomainError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * One transaction; `work` may run more than once and must touch nothing but the session. Two that insert the same
   * row first meet as a duplicate key, which the driver does not repeat; the second time the row is there.
   */
  transaction<T>(work: (session: mongoose.ClientSession) => Promise<T>): Promise<T> {
    const attempt = () =>
      this.mongoose.withSession((session) => session.withTransaction(() => work(session)));
    return this.run(() =>
      attempt().catch((error: unknown) => {
        if (codeOf(error) === DUPLICATE_KEY_CODE) return attempt();
        throw error;
      }),
    );
  }

  async health(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.run(async () => this.database.command({ ping: 1 }, { signal }));
  }

  async close(): Promise<void> {
    await this.mongoose.close();
  }
}

function driverOptions(options: MongoOptions, operationTimeoutMs: number): mongoose.ConnectOptions {
  const connectTimeoutMs = Math.min(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, operationTimeoutMs);
  return {
    dbName: databaseOf(options.url),
    appName: 'multidb-ai',
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
    maxPoolSize: options.poolSizeMax ?? POOL_SIZE_MAX,
    minPoolSize: 0,
    maxIdleTimeMS: IDLE_MAX_MS,
    waitQueueTimeoutMS: operationTimeoutMs,
    serverSelectionTimeoutMS: connectTimeoutMs,
    connectTimeoutMS: connectTimeoutMs,
    socketTimeoutMS: operationTimeoutMs,
    heartbeatFrequencyMS: HEARTBEAT_MS,
    retryReads: true,
    retryWrites: true,
    readPreference: 'primary',
    readConcernLevel: 'majority',
    w: 'majority',
  };
}

/** The driver's own words are the cause only: they repeat parts of the URL, which may hold a password. */
function requireUrl(url: string): void {
  try {
    new mongoose.mongo.MongoClient(url);
  } catch (cause) {
    throw new DomainError(
      'BAD_USER_INPUT',
      'MONGODB_URL: must look like mongodb://user:password@host:27017/database, with no options but those of MongoDB.',
      { cause },
    );
  }
}

function databaseOf(url: string): string {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^/?]+)/.exec(url)?.[1];
  return name === undefined ? DATABASE_DEFAULT : decodeURIComponent(name);
}
