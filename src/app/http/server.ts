/** The server's one door: Fastify, and behind it HTTP, WebSocket, SSE, uploads, health and the playground. */
import Fastify, { type FastifyInstance } from 'fastify';
import { DomainError } from '../../domain/errors.ts';
import type { Clock, Log, Random } from '../../domain/ports/system.ts';
import { ErrorMapping } from '../../graphql/error-mapping.ts';
import { Operations } from '../../graphql/operations.ts';
import { buildGraphSchema } from '../../graphql/schema.ts';
import type { Services } from '../../planes/services.ts';
import { identifyCallers } from './callers.ts';
import { allowOrigins } from './cors.ts';
import { serveGraphqlHttp } from './graphql-http.ts';
import { GraphqlSockets } from './graphql-socket.ts';
import { GraphqlStreams } from './graphql-sse.ts';
import { type ReadinessCheck, serveHealth } from './health.ts';
import { answerErrors } from './http-errors.ts';
import { listenAt } from './listening.ts';
import type { EdgeOptions } from './options.ts';
import { servePlayground } from './playground.ts';
import { logRequests, requestIdFrom } from './requests.ts';
import { serveUploads } from './uploads.ts';

export interface HttpServerDependencies {
  readonly services: Services;
  readonly options: EdgeOptions;
  readonly log: Log;
  readonly readiness: ReadinessCheck;
  readonly clock: Clock;
  readonly random: Random;
}

export interface HttpServer {
  /** Port 0: a free one. The URL is the one to open in a browser on this machine. */
  listen(port: number, host: string): Promise<{ readonly url: string }>;
  /** Readiness turns false; new sockets and streams are refused, those that are open go on to see their answers end. */
  drain(): void;
  /** Takes nothing new, tells sockets to come back elsewhere, lets requests finish for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

export async function createHttpServer(dependencies: HttpServerDependencies): Promise<HttpServer> {
  const { clock } = dependencies;
  const state = { draining: false, closing: false };
  const app = createApp(dependencies, state);
  serveHealth(app, async () => {
    const readiness = await dependencies.readiness();
    return state.draining ? { ...readiness, status: 'stopping' } : readiness;
  });
  if (dependencies.options.playground ?? !dependencies.options.production) servePlayground(app);
  await serveUploads(app, dependencies.services.uploads);
  const { sockets, streams } = await serveGraphql(app, dependencies);
  await app.ready();

  const drain = () => {
    state.draining = true;
    sockets.drain();
    streams.drain();
  };

  return {
    listen: async (port, host) => ({ url: await listenAt(app, port, host) }),
    drain,
    async close(graceMs) {
      drain();
      state.closing = true;
      streams.close();
      const closed = Promise.all([sockets.close(), app.close()]);
      const cut = new AbortController();
      const grace = clock.sleep(graceMs, cut.signal).then(
        () => {
          sockets.terminate();
          app.server.closeAllConnections();
        },
        () => undefined,
      );
      await closed;
      cut.abort();
      await grace;
    },
  };
}

function createApp(
  { options, log, random }: HttpServerDependencies,
  state: { readonly draining: boolean; readonly closing: boolean },
): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: options.requestBytesMax,
    requestTimeout: options.requestTimeoutMs,
    trustProxy: options.trustProxy,
    forceCloseConnections: 'idle',
    // Its own refusal is no GraphQL, and does not say that another try is worth it.
    return503OnClosing: false,
    genReqId: (request) => requestIdFrom(request.headers['x-request-id'], random),
  });
  // A form or a plain text is never GraphQL: only a content type that browsers ask permission for.
  app.removeContentTypeParser('text/plain');
  // Hooks of every request take a callback where nothing is awaited: a promise each would cost more than their work.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    // The client's next request shall find another node.
    if (state.draining) reply.header('connection', 'close');
    done(
      state.closing ? new DomainError('SHUTTING_DOWN', 'The server is shutting down; try again.') : undefined,
    );
  });
  allowOrigins(app, options.allowedOrigins);
  logRequests(app, log);
  return app;
}

/** All three transports, over one schema, one set of limits and one error mapping. */
async function serveGraphql(
  app: FastifyInstance,
  dependencies: HttpServerDependencies,
): Promise<{ readonly sockets: GraphqlSockets; readonly streams: GraphqlStreams }> {
  const { services, options, log } = dependencies;
  const schema = buildGraphSchema();
  const errors = new ErrorMapping({ log, hideSuggestions: options.production });
  answerErrors(app, errors);
  const introspection = options.introspection ?? !options.production;
  const operations = new Operations({ schema, limits: options.operations, introspection, errors });
  const sockets = new GraphqlSockets({ ...dependencies, operations, errors });
  const streams = new GraphqlStreams({ ...dependencies, operations, errors });
  sockets.attach(app);
  await app.register(async (scope) => {
    identifyCallers(scope, services, options);
    await serveGraphqlHttp(scope, { schema, services, options, errors, log });
    streams.attach(scope);
  });
  return { sockets, streams };
}
