import { createClient } from 'redis';
import type { Clock } from '../../domain/ports/system.ts';
import { deadlineExceeded, isDemoted, toDomainError } from './redis-errors.ts';

export type RedisClient = ReturnType<typeof newClient>;
type SendOptions = Parameters<RedisClient['sendCommand']>[1];

/** Commands written or waiting on one connection; more are refused. */
const COMMANDS_MAX = 20_000;
const CONNECT_TIMEOUT_MS = 2_000;

export interface RedisLinkOptions {
  readonly url: string;
  /** Shown by CLIENT LIST. */
  readonly name: string;
  readonly clock: Clock;
  readonly commandTimeoutMs: number;
}

interface Command {
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/**
 * One connection from its opening to its loss; it never reconnects. The driver's own timeouts end when a command is
 * written, so a server that stops answering is noticed here: commands are answered in order, and when the oldest one
 * misses its deadline the connection is given up with everything on it.
 */
export class RedisLink {
  readonly client: RedisClient;
  /** Resolves, once, with what ended the connection. */
  readonly lost: Promise<unknown>;
  readonly #options: RedisLinkOptions;
  readonly #pending = new Set<Command>();
  readonly #end = Promise.withResolvers<unknown>();
  readonly #ended = new AbortController();
  #isWatching = false;

  private constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.lost = this.#end.promise;
    this.client = newClient(options);
    this.client.on('error', (error) => this.drop(error));
    this.client.on('end', () => this.drop(new Error('connection closed')));
  }

  /** Throws the driver's error, or DEADLINE_EXCEEDED for a server that accepts and says nothing. */
  static async open(options: RedisLinkOptions): Promise<RedisLink> {
    const link = new RedisLink(options);
    try {
      await link.#track(() => link.client.connect(), connectTimeoutOf(options));
      return link;
    } catch (error) {
      link.drop(error);
      throw error;
    }
  }

  /** Throws STORE_UNAVAILABLE or DEADLINE_EXCEEDED; whether the command had its effect is then not known. */
  send(args: readonly (string | Buffer)[], options?: SendOptions): Promise<unknown> {
    return this.run((client) => client.sendCommand(args, options));
  }

  /** For what the driver keeps books of, like subscriptions. */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await this.#track(() => work(this.client), this.#options.commandTimeoutMs);
    } catch (error) {
      if (isDemoted(error)) this.drop(error);
      throw toDomainError(error);
    }
  }

  /** Waits for what is under way, at most one command's time. */
  async close(): Promise<void> {
    const goodbye = this.client.isOpen ? this.client.close() : Promise.resolve();
    const late = this.#options.clock.sleep(this.#options.commandTimeoutMs, this.#ended.signal);
    await Promise.race([goodbye, late]).catch(() => undefined);
    this.drop(new Error('closed'));
  }

  drop(cause: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#end.resolve(cause);
    this.client.destroy();
  }

  async #track<T>(work: () => Promise<T>, timeoutMs: number): Promise<T> {
    const command = { deadline: this.#options.clock.now() + timeoutMs };
    this.#pending.add(command);
    if (!this.#isWatching) void this.#watch();
    try {
      return await work();
    } catch (error) {
      throw this.#isOverdue(command) ? deadlineExceeded() : error;
    } finally {
      this.#pending.delete(command);
    }
  }

  #isOverdue(command: Command): boolean {
    return command.deadline <= this.#options.clock.now();
  }

  #oldest(): Command | undefined {
    return this.#pending.values().next().value;
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    const { clock } = this.#options;
    for (let oldest = this.#oldest(); oldest !== undefined; oldest = this.#oldest()) {
      if (this.#isOverdue(oldest)) return this.drop(deadlineExceeded());
      const waitMs = oldest.deadline - clock.now();
      await clock.sleep(waitMs, this.#ended.signal).catch(() => undefined);
      if (this.#ended.signal.aborted) return;
    }
    this.#isWatching = false;
  }
}

/** Whoever waits longer for a command waits as long for the connection. */
function connectTimeoutOf({ commandTimeoutMs }: RedisLinkOptions): number {
  return Math.max(CONNECT_TIMEOUT_MS, commandTimeoutMs);
}

function newClient(options: RedisLinkOptions) {
  const { url, name } = options;
  return createClient({
    url,
    name,
    RESP: 3,
    // What is sent while there is no connection fails at once instead of waiting for one.
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    commandsQueueMaxLength: COMMANDS_MAX,
    // A timer for each command, which would watch over it only until it is written.
    commandOptions: { timeout: 0 },
    socket: { reconnectStrategy: false, connectTimeout: connectTimeoutOf(options) },
  });
}
