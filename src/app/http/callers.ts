import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../../domain/errors.ts';
import type { Services } from '../../planes/services.ts';
import { identify } from './authentication.ts';
import type { EdgeOptions } from './options.ts';
import { baseUrlOf, factsOf } from './requests.ts';

/**
 * Before the body is read: who is calling, and whether they may send that much. Runs on the routes of the instance it
 * is given, so that health checks and uploads cost no look-up.
 */
export function identifyCallers(app: FastifyInstance, services: Services, options: EdgeOptions): void {
  app.addHook('onRequest', async (request) => {
    const { authorization } = request.headers;
    const known = await identify(services, authorization);
    if (known.principal === undefined) requireSmallBody(request, options.anonymousRequestBytesMax);
    factsOf(request).caller = {
      ...known,
      origin: { address: request.ip },
      requestId: request.id,
      baseUrl: baseUrlOf(options, request),
    };
  });
}

/** A body of unknown length counts as too long. */
function requireSmallBody(request: FastifyRequest, bytesMax: number): void {
  const announced = request.headers['content-length'];
  const hasBody = announced !== undefined || request.headers['transfer-encoding'] !== undefined;
  if (hasBody && !(Number(announced) <= bytesMax)) {
    throw new DomainError('LIMIT_EXCEEDED', `Without signing in a request has at most ${bytesMax} bytes.`);
  }
}
