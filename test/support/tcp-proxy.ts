import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

/**
 * How a network or a server fails:
 * - refused: connections are ended, and nobody listens
 * - reset: connections are accepted and reset, the old ones too
 * - silent: nothing passes, in either direction, on old and new connections; healed, everything held back arrives
 * - slow: everything arrives, each piece `delayMs` late
 * - half-open: the server is gone and the client was never told; healed, those connections stay dead
 */
export type Fault = 'refused' | 'reset' | 'silent' | 'slow' | 'half-open';
export const FAULTS: readonly Fault[] = ['refused', 'reset', 'silent', 'slow', 'half-open'];

/** A loopback port in front of a server, which can be made to fail. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that clients have open. */
  readonly connectionCount: number;
  begin(fault: Fault): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}
export interface TcpProxyOptions {
  readonly host: string;
  readonly port: number;
  /** Of the fault `slow`. Default 1,500. */
  readonly delayMs?: number;
  /** Sees what clients send, piece by piece; connections are numbered from 0. */
  readonly onSent?: (bytes: Buffer, connection: number) => void;
}

interface Link {
  readonly client: Socket;
  readonly upstream: Socket | undefined;
}

const DELAY_MS = 1_500;

export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const proxy = new FaultyProxy(options, await freePort());
  await proxy.listen();
  return proxy;
}

class FaultyProxy implements TcpProxy {
  readonly port: number;
  readonly #options: TcpProxyOptions;
  readonly #links = new Set<Link>();
  readonly #server = createServer((client) => this.#accept(client));
  #fault: Fault | undefined;
  #acceptedCount = 0;

  constructor(options: TcpProxyOptions, port: number) {
    this.#options = options;
    this.port = port;
  }

  get connectionCount(): number {
    return this.#links.size;
  }

  async listen(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async begin(fault: Fault): Promise<void> {
    this.#fault = fault;
    const links = [...this.#links];
    if (fault === 'silent') for (const link of links) pause(link);
    if (fault === 'half-open') for (const { upstream } of links) upstream?.destroy();
    if (fault === 'reset') for (const { client } of links) client.resetAndDestroy();
    if (fault === 'refused') await this.#stopListening();
  }

  async heal(): Promise<void> {
    this.#fault = undefined;
    for (const { client, upstream } of this.#links) {
      client.resume();
      upstream?.resume();
    }
    await this.listen();
  }

  async close(): Promise<void> {
    this.#fault = 'refused';
    await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    for (const { client } of this.#links) client.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.#fault === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const number = this.#acceptedCount;
    this.#acceptedCount += 1;
    const upstream = this.#fault === 'half-open' ? undefined : connect(this.#options);
    const link = { client, upstream };
    this.#links.add(link);
    client.on('data', (bytes) => {
      this.#options.onSent?.(bytes, number);
      this.#pass(bytes, upstream);
    });
    client.on('error', () => undefined);
    client.on('close', () => {
      this.#links.delete(link);
      upstream?.destroy();
    });
    upstream?.on('data', (bytes) => this.#pass(bytes, client));
    upstream?.on('error', () => undefined);
    upstream?.on('close', () => {
      // Of a half-open connection the client hears nothing, now or later.
      if (this.#fault !== 'half-open') client.destroy();
    });
    if (this.#fault === 'silent') pause(link);
  }

  #pass(bytes: Buffer, to: Socket | undefined): void {
    if (this.#fault !== 'slow') to?.write(bytes);
    else setTimeout(() => to?.write(bytes), this.#options.delayMs ?? DELAY_MS).unref();
  }
}

/** The kernel goes on acknowledging, as a network does that only delays. */
function pause({ client, upstream }: Link): void {
  client.pause();
  upstream?.pause();
}
