import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { DomainError } from '../../domain/errors.ts';

const WILDCARDS = new Set(['0.0.0.0', '::']);
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; set PORT to another one, or to 0 for a free one',
  EACCES: 'this user may not use the port; set PORT to one above 1023',
  EADDRNOTAVAIL: 'this machine does not have the address; check HOST',
  ENOTFOUND: 'there is no such host; check HOST',
};

/** Resolves with the URL to open on this machine. Throws BAD_USER_INPUT in one sentence when the place cannot be had. */
export async function listenAt(app: FastifyInstance, port: number, host: string): Promise<string> {
  try {
    await app.listen({ port, host });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = REASONS[code];
    if (reason === undefined) throw error;
    throw new DomainError('BAD_USER_INPUT', `Cannot listen on ${host}:${port}: ${reason}.`, { cause: error });
  }
  return urlOf(app.server.address(), host);
}

function urlOf(address: AddressInfo | string | null, host: string): string {
  const port = typeof address === 'object' ? address?.port : undefined;
  const name = WILDCARDS.has(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
