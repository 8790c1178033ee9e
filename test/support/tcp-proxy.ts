import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

/** A loopback port in front of a server, which can be made to fail in the ways of a network. */
export interface TcpProxy {
  readonly port: number;
  /** What arrives is dropped without a word, on old and new connections, until `heal`. */
  goSilent(): void;
  /** Connections are reset and nobody listens, until `heal`. */
  goDown(): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!isSilent) to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const listen = async () => {
    if (server.listening) return;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const goDown = async () => {
    for (const socket of sockets) socket.resetAndDestroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  await listen();
  return {
    port,
    goSilent: () => {
      isSilent = true;
    },
    goDown,
    heal: async () => {
      // A connection that lost bytes is of no use to either side.
      if (isSilent) for (const socket of sockets) socket.resetAndDestroy();
      isSilent = false;
      await listen();
    },
    close: goDown,
  };
}
