import type { FastifyError, FastifyInstance } from 'fastify';
import { DomainError, type ErrorCode } from '../../domain/errors.ts';
import type { ErrorMapping } from '../../graphql/error-mapping.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  STALE_GENERATION: 409,
  LIMIT_EXCEEDED: 413,
  MODEL_FAILED: 502,
  STORE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  SHUTTING_DOWN: 503,
};

/** What Fastify itself refuses, in words that do not repeat what was sent. */
const REFUSALS: Readonly<Record<number, readonly [string, string]>> = {
  400: ['BAD_REQUEST', 'This request cannot be read.'],
  404: ['NOT_FOUND', 'Nothing is served here.'],
  408: ['DEADLINE_EXCEEDED', 'The request took too long to arrive.'],
  413: ['LIMIT_EXCEEDED', 'The request is larger than allowed.'],
  415: ['BAD_REQUEST', 'Send `content-type: application/json`.'],
};

/** Errors outside of GraphQL have its shape too: `{ errors: [{ message, extensions }] }`. */
export function answerErrors(app: FastifyInstance, errors: ErrorMapping): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const refusal = error.statusCode === undefined ? undefined : REFUSALS[error.statusCode];
    if (refusal !== undefined && error.statusCode !== undefined) {
      const [code, message] = refusal;
      return reply.code(error.statusCode).send(problem(code, message, request.id));
    }
    const status = error instanceof DomainError ? STATUS[error.code] : 500;
    return reply.code(status).send({ errors: [errors.toPublic(error, request.id)] });
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(problem('NOT_FOUND', 'Nothing is served here.', request.id)),
  );
}

export function problem(code: string, message: string, requestId: string) {
  return { errors: [{ message, extensions: { code, retryable: false, requestId } }] };
}
