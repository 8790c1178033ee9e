import { DomainError } from '../../domain/errors.ts';
import type { Clock, Lifecycle, Log } from '../../domain/ports/system.ts';
import { toDomainError } from './redis-errors.ts';
import { type RedisClient, RedisLink } from './redis-link.ts';

const COMMAND_TIMEOUT_MS = 2_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;

export interface RedisConnectionOptions {
  readonly url: string;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly commandTimeoutMs?: number;
  /** Prepares each connection before it is used; one for which it fails is given up. */
  readonly prepare?: (link: RedisLink) => Promise<void>;
}

/**
 * A connection that is made anew, with back-off, whenever it is lost. While there is none every command fails at once
 * with STORE_UNAVAILABLE: nothing waits for Redis longer than one command's time.
 */
export class RedisConnection implements Lifecycle {
  readonly #options: RedisConnectionOptions;
  readonly #closing = new AbortController();
  #link: RedisLink | undefined;
  #loop: Promise<void> = Promise.resolve();

  private constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  /** Throws STORE_UNAVAILABLE or DEADLINE_EXCEEDED when the server cannot be reached now. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(options);
    const link = await connection.#connect();
    connection.#loop = connection.#keep(link);
    return connection;
  }

  send(...[args, options]: Parameters<RedisLink['send']>): Promise<unknown> {
    return this.#link === undefined ? Promise.reject(offline()) : this.#link.send(args, options);
  }

  run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    return this.#link === undefined ? Promise.reject(offline()) : this.#link.run(work);
  }

  async health(signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(new DomainError('STORE_UNAVAILABLE', 'Redis did not answer in time.'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await Promise.race([this.send(['PING']), aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#link?.close();
    await this.#loop;
  }

  async #connect(): Promise<RedisLink> {
    const { url, name, clock, commandTimeoutMs = COMMAND_TIMEOUT_MS, prepare } = this.#options;
    try {
      const link = await RedisLink.open({ url, name, clock, commandTimeoutMs });
      try {
        await prepare?.(link);
      } catch (error) {
        link.drop(error);
        throw error;
      }
      this.#link = link;
      return link;
    } catch (error) {
      throw toDomainError(error);
    }
  }

  async #keep(first: RedisLink): Promise<void> {
    const { log, name } = this.#options;
    let link: RedisLink | undefined = first;
    while (link !== undefined) {
      const cause = await link.lost;
      this.#link = undefined;
      if (this.#closing.signal.aborted) return;
      log.warn({ connection: name, cause: reasonOf(cause) }, 'lost the connection to Redis');
      link = await this.#reconnect();
      if (link !== undefined) log.info({ connection: name }, 'connected to Redis again');
    }
  }

  /** undefined: closed meanwhile. */
  async #reconnect(): Promise<RedisLink | undefined> {
    const { clock, log, name } = this.#options;
    const { signal } = this.#closing;
    for (let waitMs = RECONNECT_MIN_MS; ; waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS)) {
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return undefined;
      try {
        const link = await this.#connect();
        if (!signal.aborted) return link;
        await link.close();
      } catch (error) {
        log.debug({ connection: name, cause: reasonOf(error) }, 'Redis is still out of reach');
      }
    }
  }
}

function offline(): DomainError {
  return new DomainError('STORE_UNAVAILABLE', 'Redis is not available.');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
