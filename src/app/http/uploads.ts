import type { FastifyInstance } from 'fastify';
import type { UploadApi } from '../../planes/services.ts';
import { problem } from './http-errors.ts';

interface UploadRoute {
  Params: { id: string };
  Querystring: Record<string, string | string[] | undefined>;
}

const CODE_OF_STATUS = {
  400: 'BAD_USER_INPUT',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'NOT_FOUND',
  413: 'LIMIT_EXCEEDED',
  415: 'BAD_USER_INPUT',
} as const;

/** `PUT /uploads/:id`: the bytes stream to the service as they arrive; the signed address is the only credential. */
export async function serveUploads(app: FastifyInstance, uploads: UploadApi): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Leaves the body unread: the service takes it from the socket, at its own pace.
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.put<UploadRoute>('/uploads/:id', async (request, reply) => {
      const outcome = await uploads.receive({
        uploadId: request.params.id,
        query: onlyStrings(request.query),
        mediaType: request.headers['content-type'],
        body: request.raw,
      });
      if (outcome.kind === 'received') return reply.code(204).send();
      // The rest of a refused body is not worth reading.
      reply.header('connection', 'close').code(outcome.status);
      return reply.send(problem(CODE_OF_STATUS[outcome.status], outcome.message, request.id));
    });
  });
}

function onlyStrings(query: UploadRoute['Querystring']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(query).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
