import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Where the server listens: a socket that only its owner reaches, else a port of the loopback interface. */
export type Endpoint =
  | { readonly kind: 'socket'; readonly folder: string; readonly port: number }
  | { readonly kind: 'loopback'; readonly port: number };

export const DATABASE_NAME = 'multidb';
export const DATABASE_USER = 'multidb';
/** Part of the socket's file name only; nothing listens on it. */
const SOCKET_PORT = 5432;
/** Bytes of a socket's path without the closing NUL, on the stricter of our platforms. */
const SOCKET_PATH_BYTES_MAX = 103;
const HOST = '127.0.0.1';

export async function chooseEndpoint(socketFolder: string): Promise<Endpoint> {
  const path = join(socketFolder, `.s.PGSQL.${SOCKET_PORT}`);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX && (await takesSockets(socketFolder))) {
    return { kind: 'socket', folder: socketFolder, port: SOCKET_PORT };
  }
  return freeLoopbackPort();
}

/** Free at the moment of asking; a start that finds it taken asks again. */
export async function freeLoopbackPort(): Promise<Endpoint> {
  const { promise, resolve, reject } = Promise.withResolvers<Endpoint>();
  const server = createServer().once('error', reject);
  server.listen(0, HOST, () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    server.close(() => resolve({ kind: 'loopback', port }));
  });
  return promise;
}

/** Some shared folders of virtual machines and containers hold files but no sockets. */
async function takesSockets(folder: string): Promise<boolean> {
  // Shorter than PostgreSQL's own name, so that its length is never the reason.
  const path = join(folder, `.probe-${process.pid}`);
  await rm(path, { force: true });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer().once('error', () => resolve(false));
  server.listen(path, () => server.close(() => resolve(true)));
  return promise;
}

export function listenFlags(endpoint: Endpoint): readonly string[] {
  const [sockets, addresses] = endpoint.kind === 'socket' ? [endpoint.folder, ''] : ['', HOST];
  return [
    ...['-p', String(endpoint.port)],
    ...['-c', `unix_socket_directories=${quoteFolder(sockets)}`],
    ...['-c', `listen_addresses=${addresses}`],
  ];
}

/** The setting is a list: a comma or a blank inside a folder's name has to be quoted. */
function quoteFolder(folder: string): string {
  return folder === '' ? '' : `"${folder.replaceAll('"', '""')}"`;
}

/** A connection URL as libpq and node-postgres read it; holds the password. */
export function connectionUrl(
  endpoint: Endpoint,
  password: string,
  database: string = DATABASE_NAME,
): string {
  const credentials = `${DATABASE_USER}:${encodeURIComponent(password)}`;
  if (endpoint.kind === 'loopback') return `postgresql://${credentials}@${HOST}:${endpoint.port}/${database}`;
  const folder = encodeURIComponent(endpoint.folder);
  return `postgresql://${credentials}@localhost:${endpoint.port}/${database}?host=${folder}`;
}
