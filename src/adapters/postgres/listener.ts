import type pg from 'pg';
import { DomainError } from '../../domain/errors.ts';
import type { Clock, Log, Unsubscribe } from '../../domain/ports/system.ts';
import type { Database } from './database.ts';
import { toDomainError } from './errors.ts';

/** All channels of the system; payloads are ids or empty. */
export const CHANNELS = { documents: 'multidb_documents', jobs: 'multidb_jobs' } as const;
export type Channel = (typeof CHANNELS)[keyof typeof CHANNELS];
type Wake = () => void;

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 5_000;
/** A half-open connection delivers nothing and fails nothing: it is asked for a sign of life. */
const PROBE_INTERVAL_MS = 15_000;
const ATTACH_TIMEOUT_MS = 10_000;
const GOODBYE_TIMEOUT_MS = 1_000;
/** Wakes with this payload reach every subscriber of the channel. */
const EVERYBODY = '';

/**
 * The process's one LISTEN connection: made at the first subscription, kept until `close`, made anew whenever it is
 * lost. After each (re)connect every subscriber is woken, since what was notified in between is gone; so a subscriber
 * that reads after each wake misses nothing.
 */
export class PostgresListener {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subscribers = new Map<string, Set<Wake>>();
  readonly #closing = new AbortController();
  /** Pending while there is no connection. */
  #attached = Promise.withResolvers<void>();
  #isAttached = false;
  #loop: Promise<void> | undefined;

  constructor(database: Database, deps: { readonly clock: Clock; readonly log: Log }) {
    this.#database = database;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /**
   * Calls `wake` (it must not throw or wait) at each notification on the channel with this payload; with an empty one,
   * at each without a payload. Resolves when attached; throws STORE_UNAVAILABLE when that takes too long.
   */
  async subscribe(channel: Channel, payload: string, wake: Wake): Promise<Unsubscribe> {
    const unsubscribe = this.attach(channel, payload, wake);
    const deadline = new AbortController();
    const late = this.#clock.sleep(ATTACH_TIMEOUT_MS, deadline.signal).then(() => {
      throw new DomainError('STORE_UNAVAILABLE', 'The database sends no notifications.');
    });
    try {
      await Promise.race([this.#attached.promise, late]);
      return unsubscribe;
    } catch (error) {
      unsubscribe();
      throw error;
    } finally {
      deadline.abort();
      await late.catch(() => {});
    }
  }

  /** Like `subscribe`, without waiting: the first wake comes with the connection. */
  attach(channel: Channel, payload: string, wake: Wake): Unsubscribe {
    const key = keyOf(channel, payload);
    // One and the same function may be attached twice; each attachment ends by itself.
    const attachment = () => wake();
    const wakes = this.#subscribers.get(key) ?? new Set();
    this.#subscribers.set(key, wakes.add(attachment));
    this.#loop ??= this.#run();
    return () => {
      wakes.delete(attachment);
      if (wakes.size === 0 && this.#subscribers.get(key) === wakes) this.#subscribers.delete(key);
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#subscribers.clear();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let waitMs = RECONNECT_MIN_MS;
    while (!signal.aborted) {
      try {
        await this.#listenUntilLost(() => {
          waitMs = RECONNECT_MIN_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn({ reason, waitMs }, 'notification connection lost');
        await this.#clock.sleep(waitMs, signal).catch(() => {});
        waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS);
      }
    }
  }

  /** Ends only by throwing. */
  async #listenUntilLost(onAttached: () => void): Promise<never> {
    const client = this.#database.newClient();
    const lost = new AbortController();
    client.on('error', (error) => lost.abort(error));
    client.on('end', () => lost.abort(new Error('connection ended')));
    client.on('notification', ({ channel, payload }) => this.#wake(keyOf(channel, payload ?? EVERYBODY)));
    const over = AbortSignal.any([this.#closing.signal, lost.signal]);
    try {
      await client.connect();
      for (const channel of Object.values(CHANNELS)) await client.query(`LISTEN ${channel}`);
      onAttached();
      this.#isAttached = true;
      this.#attached.resolve();
      for (const key of this.#subscribers.keys()) this.#wake(key);
      while (true) {
        await this.#clock.sleep(PROBE_INTERVAL_MS, over);
        await client.query('SELECT 1');
      }
    } catch (error) {
      throw toDomainError(error);
    } finally {
      if (this.#isAttached) this.#attached = Promise.withResolvers<void>();
      this.#isAttached = false;
      await this.#end(client);
    }
  }

  /** A dead connection never answers a goodbye, so that is waited for only a moment. */
  async #end(client: pg.Client): Promise<void> {
    client.removeAllListeners();
    client.on('error', () => {});
    const ended = new AbortController();
    const goodbye = client.end().finally(() => ended.abort());
    await Promise.race([goodbye, this.#clock.sleep(GOODBYE_TIMEOUT_MS, ended.signal)]).catch(() => {});
  }

  #wake(key: string): void {
    for (const wake of [...(this.#subscribers.get(key) ?? [])]) wake();
  }
}

function keyOf(channel: string, payload: string): string {
  return `${channel} ${payload}`;
}
