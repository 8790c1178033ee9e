import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { ChaosNode, Fleet } from './fleet.ts';

/**
 * A client's way in, as a load balancer would be: one address, every new connection to a node that is thought alive and,
 * if there is another, not the one before. Its connections can be cut.
 */
export class Gate {
  readonly url: string;
  /** Never sent there, as long as there is another. */
  avoid: ChaosNode | undefined;
  readonly #server: Server;
  readonly #pairs = new Map<Socket, ChaosNode>();
  readonly #fleet: Fleet;
  readonly #pick: () => number;
  #last: ChaosNode | undefined;

  private constructor(server: Server, fleet: Fleet, pick: () => number) {
    this.#server = server;
    this.#fleet = fleet;
    this.#pick = pick;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#join(socket));
  }

  /** `pick`: 0 up to 1, for the choice of nodes. */
  static async open(fleet: Fleet, pick: () => number): Promise<Gate> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Gate(server, fleet, pick);
  }

  /** Resets every connection, or those to one node. */
  cut(node?: ChaosNode): void {
    for (const [socket, target] of this.#pairs) if (!node || target === node) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #join(client: Socket): void {
    client.on('error', () => undefined);
    const node = this.#choose();
    if (!node) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(new URL(node.url).port), '127.0.0.1');
    upstream.on('error', () => client.resetAndDestroy());
    this.#pairs.set(client, node);
    client.on('close', () => {
      this.#pairs.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => client.destroySoon());
    client.pipe(upstream).pipe(client);
  }

  #choose(): ChaosNode | undefined {
    const ready = this.#fleet.ready();
    const wanted = ready.filter((node) => node !== this.avoid && node !== this.#last);
    const nodes = wanted.length > 0 ? wanted : ready;
    this.#last = nodes[Math.floor(this.#pick() * nodes.length)];
    return this.#last;
  }
}
