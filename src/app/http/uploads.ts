import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UploadAddress, UploadApi } from '../../planes/services.ts';
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

/**
 * `PUT /uploads/:id`, or for large files, in the manner of tus: `HEAD` says how much has come, `PATCH` sends what follows.
 * The bytes stream to the service as they arrive; the signed address is the only credential.
 */
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
      return refuse(reply, outcome, request.id);
    });
    scope.head<UploadRoute>('/uploads/:id', async (request, reply) => {
      const outcome = await uploads.progress(addressOf(request));
      if (outcome.kind === 'refused') return reply.code(outcome.status).send();
      return tell(reply, outcome).code(200).send();
    });
    scope.patch<UploadRoute>('/uploads/:id', async (request, reply) => {
      const offset = request.headers['upload-offset'];
      if (typeof offset !== 'string' || !/^\d{1,15}$/.test(offset)) {
        const message = 'The header Upload-Offset must say where the body begins.';
        return refuse(reply, { status: 400, message }, request.id);
      }
      const body = request.raw;
      const outcome = await uploads.append({ ...addressOf(request), offset: Number(offset), body });
      if (outcome.kind === 'refused') return refuse(reply, outcome, request.id);
      return tell(reply, outcome).code(204).send();
    });
  });
}

function addressOf(request: FastifyRequest<UploadRoute>): UploadAddress {
  return { uploadId: request.params.id, query: onlyStrings(request.query) };
}

function tell(reply: FastifyReply, { offset, size }: { offset: number; size: number }): FastifyReply {
  return reply.headers({
    'tus-resumable': '1.0.0',
    'upload-offset': String(offset),
    'upload-length': String(size),
    'cache-control': 'no-store',
  });
}

/** The rest of a refused body is not worth reading. */
function refuse(
  reply: FastifyReply,
  { status, message }: { readonly status: keyof typeof CODE_OF_STATUS; readonly message: string },
  requestId: string,
): FastifyReply {
  reply.header('connection', 'close').code(status);
  return reply.send(problem(CODE_OF_STATUS[status], message, requestId));
}

function onlyStrings(query: UploadRoute['Querystring']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(query).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
