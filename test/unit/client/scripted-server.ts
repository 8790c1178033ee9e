import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** What one HTTP request gets. `drop`: the connection is cut without an answer. */
export type Reply = { readonly status?: number; readonly body: unknown } | 'drop';
export interface Post {
  readonly operation: string;
  readonly variables: { readonly input?: unknown };
  readonly authorization: string | undefined;
}
export interface Put {
  readonly path: string;
  readonly mediaType: string | undefined;
  readonly body: string;
}
/** One `subscribe` message, and what the script may do about it. */
export interface Subscribe {
  readonly operation: string;
  readonly variables: { readonly runId?: string; readonly documentId?: string; readonly after?: string };
  readonly authorization: string | undefined;
  /** From 0, over the server's life. */
  readonly index: number;
  readonly connectionIndex: number;
  next(payload: unknown): void;
  error(errors: readonly unknown[]): void;
  complete(): void;
  close(code: number): void;
  /** Cuts the TCP connection. */
  cut(): void;
}
interface Script {
  post?(request: Post): Reply;
  put?(request: Put): number | 'drop';
  subscribe?(request: Subscribe): void;
  /** False: the connection is cut before it is acknowledged. */
  acknowledge?(connectionIndex: number): boolean;
}

/** A server that does what a test tells it, down to the frame. It knows nothing of GraphQL but operation names. */
export class ScriptedServer {
  readonly posts: Post[] = [];
  readonly puts: Put[] = [];
  readonly subscribes: Subscribe[] = [];
  /** Ids of operations that the client ended. */
  readonly completedByClient: string[] = [];
  connectionCount = 0;
  readonly #script: Script;
  readonly #http: Server;
  readonly #sockets = new Set<Socket>();
  readonly #webSockets = new WebSocketServer({ noServer: true });

  private constructor(script: Script) {
    this.#script = script;
    this.#http = createServer((request, response) => {
      void readBody(request).then((body) => {
        const reply = request.method === 'PUT' ? this.#onPut(request, body) : this.#onPost(request, body);
        if (reply === 'drop') return request.socket.destroy();
        response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(reply.body));
      });
    });
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#http.on('upgrade', (request, socket, head) => {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.#onSocket(webSocket, () => socket.destroy()),
      );
    });
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const server = new ScriptedServer(script);
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #onPost(request: IncomingMessage, body: string): Reply {
    const { query, variables } = JSON.parse(body) as { query: string; variables: Post['variables'] };
    const post = { operation: operationName(query), variables, authorization: request.headers.authorization };
    this.posts.push(post);
    return this.#script.post?.(post) ?? { status: 500, body: {} };
  }

  #onPut(request: IncomingMessage, body: string): Reply {
    const put = { path: request.url ?? '', mediaType: request.headers['content-type'], body };
    this.puts.push(put);
    const status = this.#script.put?.(put) ?? 404;
    return status === 'drop' ? 'drop' : { status, body: {} };
  }

  #onSocket(webSocket: WebSocket, cut: () => void): void {
    const connectionIndex = this.connectionCount;
    this.connectionCount += 1;
    let authorization: string | undefined;
    const send = (message: object) => webSocket.send(JSON.stringify(message));
    webSocket.on('error', () => {});
    webSocket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'connection_init') {
        if (this.#script.acknowledge?.(connectionIndex) === false) return cut();
        authorization = message.payload?.authorization;
        send({ type: 'connection_ack' });
      } else if (message.type === 'complete') this.completedByClient.push(message.id);
      else if (message.type === 'subscribe') {
        const { id, payload } = message;
        const subscribe: Subscribe = {
          operation: operationName(payload.query),
          variables: payload.variables,
          authorization,
          index: this.subscribes.length,
          connectionIndex,
          next: (result) => send({ id, type: 'next', payload: result }),
          error: (errors) => send({ id, type: 'error', payload: errors }),
          complete: () => send({ id, type: 'complete' }),
          close: (code) => webSocket.close(code, 'scripted'),
          cut,
        };
        this.subscribes.push(subscribe);
        this.#script.subscribe?.(subscribe);
      }
    });
  }
}

function operationName(query: string): string {
  return /(?:query|mutation|subscription) (\w+)/.exec(query)?.[1] ?? '';
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
