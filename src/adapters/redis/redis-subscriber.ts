import type { Lifecycle } from '../../domain/ports/system.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import type { RedisLink } from './redis-link.ts';

/** A half-open connection delivers nothing and fails nothing: it is asked for a sign of life while anybody listens. */
const PROBE_INTERVAL_MS = 5_000;

export interface RedisSubscriberOptions extends Omit<RedisConnectionOptions, 'name' | 'prepare'> {
  /** After a connection was lost and made anew: what was announced in between was not heard. */
  readonly onGap: () => void;
}
type OnMessage = (message: string) => void;

/**
 * The process's one connection that listens. A channel costs one command when it is added and one when it is removed;
 * while nothing is announced on it, it costs nothing at all.
 */
export class RedisSubscriber implements Lifecycle {
  readonly #options: RedisSubscriberOptions;
  readonly #closing = new AbortController();
  readonly #channels = new Map<string, OnMessage>();
  #connection: RedisConnection | undefined;
  #isProbing = false;

  private constructor(options: RedisSubscriberOptions) {
    this.#options = options;
  }

  static async open(options: RedisSubscriberOptions): Promise<RedisSubscriber> {
    const subscriber = new RedisSubscriber(options);
    const prepare = (link: RedisLink) => subscriber.#listenAgain(link);
    const name = 'multidb-subscriber';
    subscriber.#connection = await RedisConnection.open({ ...options, name, prepare });
    return subscriber;
  }

  /** One handler a channel. Resolves when the server has confirmed; throws as every command does. */
  async add(channel: string, onMessage: OnMessage): Promise<void> {
    this.#channels.set(channel, onMessage);
    try {
      await this.#connected().run((client) => client.sSubscribe(channel, onMessage));
    } catch (error) {
      if (this.#channels.get(channel) === onMessage) this.remove(channel, onMessage);
      throw error;
    }
    if (!this.#isProbing) void this.#probe();
  }

  remove(channel: string, onMessage: OnMessage): void {
    if (this.#channels.get(channel) === onMessage) this.#channels.delete(channel);
    // Without a connection there is nothing to take back.
    this.#connected()
      .run((client) => client.sUnsubscribe(channel, onMessage))
      .catch(() => undefined);
  }

  health(signal: AbortSignal): Promise<void> {
    return this.#connected().health(signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#channels.clear();
    await this.#connection?.close();
  }

  #connected(): RedisConnection {
    if (this.#connection === undefined) throw new Error('the subscriber is not open');
    return this.#connection;
  }

  async #listenAgain(link: RedisLink): Promise<void> {
    if (this.#connection === undefined) return;
    const listened = [...this.#channels];
    await Promise.all(
      listened.map(([channel, onMessage]) => link.run((client) => client.sSubscribe(channel, onMessage))),
    );
    for (const [channel, onMessage] of listened) {
      if (this.#channels.get(channel) === onMessage) continue;
      // Removed meanwhile, when there was no connection to say so on.
      void link.run((client) => client.sUnsubscribe(channel, onMessage)).catch(() => undefined);
    }
    this.#options.onGap();
  }

  async #probe(): Promise<void> {
    this.#isProbing = true;
    while (this.#channels.size > 0) {
      await this.#options.clock.sleep(PROBE_INTERVAL_MS, this.#closing.signal).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      // Failing is its purpose: a missed deadline gives the connection up.
      await this.#connected()
        .send(['PING'])
        .catch(() => undefined);
    }
    this.#isProbing = false;
  }
}
