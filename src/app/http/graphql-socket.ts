/** `/graphql` over WebSocket: `graphql-transport-ws` and nothing else. */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { handleProtocols } from 'graphql-ws';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Log, Random, Unsubscribe } from '../../domain/ports/system.ts';
import type { ErrorMapping } from '../../graphql/error-mapping.ts';
import type { Operations } from '../../graphql/operations.ts';
import { watchCredentials } from './credential-watch.ts';
import { baseUrlOf, requestIdFrom } from './requests.ts';
import { SocketProtocol } from './socket-protocol.ts';
import { CLOSE, type SessionDependencies, SocketSession } from './socket-session.ts';

export interface GraphqlSocketsOptions extends SessionDependencies {
  readonly operations: Operations;
  readonly errors: ErrorMapping;
  readonly log: Log;
  readonly random: Random;
}

const PATH = '/graphql';

export class GraphqlSockets {
  readonly #options: GraphqlSocketsOptions;
  readonly #server: WebSocketServer;
  readonly #protocol: SocketProtocol;
  /** Each with what ends when its socket is closed and all of its operations are. */
  readonly #sessions = new Map<SocketSession, Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #unwatch: Unsubscribe;
  #draining = false;

  constructor(options: GraphqlSocketsOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.options.frameBytesMax,
      perMessageDeflate: false,
      handleProtocols: (protocols) => handleProtocols(protocols),
    });
    this.#protocol = new SocketProtocol({ ...options, countSockets: (key) => this.#count(key) });
    this.#unwatch = watchCredentials(options.services.identity, () => this.#sessions.keys(), options.errors);
    void this.#sweep();
  }

  attach(app: FastifyInstance): void {
    app.server.on('upgrade', (request, connection, head) => {
      if (request.url?.split('?')[0] !== PATH || !(connection instanceof Socket)) {
        connection.end(refusal('404 Not Found'));
        return;
      }
      if (this.#draining) {
        connection.end(refusal('503 Service Unavailable'));
        return;
      }
      this.#server.handleUpgrade(request, connection, head, (webSocket) => {
        this.#open(webSocket, connection, request);
      });
    });
  }

  /** New sockets are refused; those that are open go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Asks every client to come back elsewhere; resolves when all have left, or were terminated. */
  async close(): Promise<void> {
    this.drain();
    this.#stopped.abort();
    this.#unwatch();
    for (const session of this.#sessions.keys())
      session.close(CLOSE.goingAway, 'The server is shutting down');
    await Promise.all(this.#sessions.values());
  }

  terminate(): void {
    for (const session of this.#sessions.keys()) session.terminate();
  }

  #open(webSocket: WebSocket, connection: Socket, request: IncomingMessage): void {
    const session = new SocketSession({
      ...this.#options,
      webSocket,
      connection,
      caller: this.#callerOf(request, connection),
    });
    const closed = this.#protocol.server.opened(
      {
        protocol: webSocket.protocol,
        send: (data) => sendText(webSocket, data),
        close: (code, reason) => webSocket.close(code, reason),
        onMessage: (listener) => {
          webSocket.on('message', (data, isBinary) => {
            this.#receive(webSocket, session, data, isBinary, listener);
          });
        },
      },
      session,
    );
    webSocket.on('pong', () => {
      session.alive = true;
    });
    webSocket.on('error', (error) => this.#options.log.debug({ err: error }, 'socket error'));
    const ended = once(webSocket, 'close').then(async ([code, reason]) => {
      session.end();
      await closed(Number(code), String(reason));
    });
    const forgotten = ended
      .catch((error: unknown) => this.#options.errors.report(error))
      .finally(() => this.#sessions.delete(session));
    this.#sessions.set(session, forgotten);
  }

  #receive(
    webSocket: WebSocket,
    session: SocketSession,
    data: RawData,
    isBinary: boolean,
    listener: (text: string) => Promise<void>,
  ): void {
    if (isBinary) {
      webSocket.close(CLOSE.unsupportedData, 'Text frames only');
      return;
    }
    // Whoever does not read what we send is not read either: else its answers pile up here.
    if (session.outlet.full) {
      webSocket.pause();
      session.outlet.drained().then(
        () => webSocket.resume(),
        () => webSocket.terminate(),
      );
    }
    listener(String(data)).catch((error: unknown) => {
      this.#options.errors.report(error);
      webSocket.close(CLOSE.internalError, 'Something went wrong on our side');
    });
  }

  #callerOf(request: IncomingMessage, connection: Socket) {
    const { options, random } = this.#options;
    const forwarded = (name: string) =>
      options.trustProxy
        ? String(request.headers[name] ?? '')
            .split(',')[0]
            ?.trim()
        : undefined;
    const protocol = forwarded('x-forwarded-proto') || 'http';
    const host = forwarded('x-forwarded-host') || (request.headers.host ?? 'localhost');
    return {
      origin: { address: forwarded('x-forwarded-for') || (connection.remoteAddress ?? '') },
      requestId: requestIdFrom(request.headers['x-request-id'], random),
      baseUrl: baseUrlOf(options, { protocol, host }),
    };
  }

  #count(key: string): number {
    let count = 0;
    for (const session of this.#sessions.keys()) if (session.key === key) count += 1;
    return count;
  }

  /** One timer for all: drops sockets whose peer is gone. */
  async #sweep(): Promise<void> {
    const { clock, options } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(options.sweepMs, this.#stopped.signal).catch(() => undefined);
      for (const session of this.#stopped.signal.aborted ? [] : this.#sessions.keys()) session.ping();
    }
  }
}

function refusal(status: string): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
}

/** Resolves when the kernel took it, or when there is nobody to send to any more. */
function sendText(webSocket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve) => {
    if (webSocket.readyState !== webSocket.OPEN) resolve();
    else webSocket.send(data, () => resolve());
  });
}
