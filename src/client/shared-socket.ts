import { type Client, createClient } from 'graphql-ws/client';

const KEEP_ALIVE_MS = 15_000;
const PONG_WAIT_MS = 10_000;
const ACK_WAIT_MS = 10_000;

/** How a started operation ends. Exactly one of `rejected`, `completed` and `lost` is called, once, and last. */
export interface OperationSink {
  /** A GraphQL response. */
  next(response: unknown): void;
  /** The server refused the operation. */
  rejected(errors: readonly unknown[]): void;
  completed(): void;
  /** The connection is gone; what the operation would have sent is unknown. `code` is the close code, if there was one. */
  lost(code: number | undefined): void;
}
export interface Operation {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  /** Used if this operation is the one that opens the socket. */
  readonly authorization: string | undefined;
}
interface SharedSocketOptions {
  readonly url: string;
  readonly webSocket: typeof WebSocket;
  /** How long a socket without operations is kept for the next one. */
  readonly idleMs: number;
}

/**
 * One WebSocket for all subscriptions. It never retries: graphql-ws would send the operation again as it first was,
 * without the cursor reached since, and on a close with 1000 it does so whatever its options say. So each connection is
 * a graphql-ws client of its own, thrown away whole when the connection is lost; who wants more starts again.
 */
export class SharedSocket {
  readonly #options: SharedSocketOptions;
  #connection: Connection | undefined;

  constructor(options: SharedSocketOptions) {
    this.#options = options;
  }

  /** Returns what stops the operation; after that the sink is not called any more. */
  start(operation: Operation, sink: OperationSink): () => void {
    this.#connection ??= new Connection(this.#options, operation.authorization, (connection) => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    return this.#connection.start(operation, sink);
  }

  /** Drops the connection: running operations are lost, the next one opens a new socket. */
  reset(): void {
    this.#connection?.lose(undefined);
  }
}

class Connection {
  readonly #client: Client;
  readonly #onGone: (connection: Connection) => void;
  readonly #active = new Set<OperationSink>();
  #pongTimer: ReturnType<typeof setTimeout> | undefined;
  #gone = false;

  constructor(
    options: SharedSocketOptions,
    authorization: string | undefined,
    onGone: (connection: Connection) => void,
  ) {
    this.#onGone = onGone;
    this.#client = createClient({
      url: options.url,
      webSocketImpl: options.webSocket,
      connectionParams: authorization === undefined ? {} : { authorization },
      retryAttempts: 0,
      lazyCloseTimeout: options.idleMs,
      connectionAckWaitTimeout: ACK_WAIT_MS,
      keepAlive: KEEP_ALIVE_MS,
      on: {
        ping: (received) => {
          if (!received) this.#pongTimer = setTimeout(() => this.lose(undefined), PONG_WAIT_MS);
        },
        pong: (received) => {
          if (received) clearTimeout(this.#pongTimer);
        },
        error: () => this.lose(undefined),
        closed: (event) => this.lose(closeCode(event)),
      },
    });
  }

  start({ query, variables }: Operation, sink: OperationSink): () => void {
    const settle = (): boolean => this.#active.delete(sink);
    this.#active.add(sink);
    const dispose = this.#client.subscribe<Record<string, unknown>>(
      { query, variables },
      {
        next: (response) => {
          if (this.#active.has(sink)) sink.next(response);
        },
        // An array is the server's answer to the operation; everything else is the connection's end.
        error: (error) => {
          if (!Array.isArray(error)) this.lose(closeCode(error));
          else if (settle()) sink.rejected(error);
        },
        complete: () => {
          if (settle()) sink.completed();
        },
      },
    );
    return () => {
      if (settle()) dispose();
    };
  }

  lose(code: number | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#pongTimer);
    this.#onGone(this);
    const lost = [...this.#active];
    this.#active.clear();
    // Before graphql-ws sees the close itself: a termination is what it never answers by connecting again.
    this.#client.terminate();
    for (const sink of lost) sink.lost(code);
  }
}

function closeCode(event: unknown): number | undefined {
  if (typeof event !== 'object' || event === null || !('code' in event)) return undefined;
  return typeof event.code === 'number' ? event.code : undefined;
}
