/** What hangs on every Fastify request, and the one line that is logged when it is answered. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log, Random } from '../../domain/ports/system.ts';
import type { Principal } from '../../domain/principal.ts';
import type { Caller } from './authentication.ts';
import type { EdgeOptions } from './options.ts';

const REQUEST_ID = /^[\w.:-]{1,64}$/;
const OPERATION_NAME_LENGTH_MAX = 64;
const REQUEST_ID_BYTES = 12;

/** Filled in on the way; read by handlers and the log line. */
interface RequestFacts {
  caller?: Caller | undefined;
  operationName?: string | undefined;
}

const facts = new WeakMap<FastifyRequest, RequestFacts>();

export function factsOf(request: FastifyRequest): RequestFacts {
  let found = facts.get(request);
  if (found === undefined) {
    found = {};
    facts.set(request, found);
  }
  return found;
}

/** The caller, on routes behind `identifyCallers`. */
export function callerOf(request: FastifyRequest): Caller {
  const { caller } = factsOf(request);
  if (caller === undefined) throw new Error('this route does not identify its callers');
  return caller;
}

/** A caller's own id if it looks like one, so that traces join; else a new one. */
export function requestIdFrom(given: string | string[] | undefined, random: Random): string {
  if (typeof given === 'string' && REQUEST_ID.test(given)) return given;
  return Buffer.from(random.bytes(REQUEST_ID_BYTES)).toString('base64url');
}

/** Never content: an operation's name is the client's own word for it, cut short. */
export function operationNameFor(name: string | null | undefined): string | undefined {
  return name?.slice(0, OPERATION_NAME_LENGTH_MAX);
}

export function principalFields(principal: Principal | undefined): Record<string, string> {
  if (principal === undefined) return {};
  const { userId, workspaceId } = principal;
  return principal.kind === 'apiKey'
    ? { userId, workspaceId, apiKeyId: principal.apiKeyId }
    : { userId, workspaceId };
}

export function baseUrlOf(
  options: EdgeOptions,
  request: { readonly protocol: string; readonly host: string },
): string {
  return options.publicUrl?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`;
}

export function logRequests(app: FastifyInstance, log: Log): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply, log);
    done();
  });
}

function logRequest(request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { caller, operationName } = factsOf(request);
  const path = request.routeOptions.url ?? 'unknown';
  if (path.startsWith('/health') || path.startsWith('/playground')) return;
  const line = {
    requestId: request.id,
    method: request.method,
    path,
    operationName,
    status: reply.statusCode,
    durationMs: Math.round(reply.elapsedTime * 10) / 10,
    ...principalFields(caller?.principal),
  };
  log.info(line, 'request');
}
