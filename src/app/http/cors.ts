import type { FastifyInstance } from 'fastify';

const PREFLIGHT_SECONDS = 600;

/** No credentials mode: tokens travel in a header that a page must know, never in cookies that a browser adds. */
export function allowOrigins(app: FastifyInstance, allowedOrigins: readonly string[]): void {
  if (allowedOrigins.length === 0) return;
  const allowed = new Set(allowedOrigins);
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (origin === undefined || !(allowed.has('*') || allowed.has(origin))) return;
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'x-request-id, upload-offset, upload-length',
      vary: 'origin',
    });
    if (request.method !== 'OPTIONS') return;
    reply.headers({
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH',
      'access-control-allow-headers':
        'authorization, content-type, x-request-id, upload-offset, apollo-require-preflight',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    });
    await reply.code(204).send();
  });
}
