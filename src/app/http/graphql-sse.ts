/** `/graphql/stream`: the same operations over server-sent events, one response for each ("distinct connections"). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { execute } from 'graphql';
import { createHandler, type ExecutionResult, type RequestParams } from 'graphql-sse';
import { DomainError } from '../../domain/errors.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import { type Principal, principalKey } from '../../domain/principal.ts';
import type { RequestContext } from '../../graphql/context.ts';
import type { ErrorMapping } from '../../graphql/error-mapping.ts';
import type { Operations, Unformatted } from '../../graphql/operations.ts';
import type { Services } from '../../planes/services.ts';
import { createContext } from './authentication.ts';
import { type Holder, watchCredentials } from './credential-watch.ts';
import { EventStream } from './event-stream.ts';
import { problem } from './http-errors.ts';
import type { EdgeOptions } from './options.ts';
import { callerOf, factsOf, operationNameFor } from './requests.ts';

export interface GraphqlStreamsOptions {
  readonly services: Services;
  readonly operations: Operations;
  readonly errors: ErrorMapping;
  readonly options: EdgeOptions;
  readonly clock: Clock;
}

const MEDIA_TYPE = 'text/event-stream';
const PATH = '/graphql/stream';

type Results = AsyncIterable<ExecutionResult>;

interface Exchange {
  readonly request: FastifyRequest;
  readonly stream: EventStream;
}

interface OpenStream extends Holder {
  readonly stream: EventStream;
}

export class GraphqlStreams {
  readonly #options: GraphqlStreamsOptions;
  readonly #open = new Set<OpenStream>();
  readonly #unwatch: Unsubscribe;
  #draining = false;

  constructor(options: GraphqlStreamsOptions) {
    this.#options = options;
    this.#unwatch = watchCredentials(options.services.identity, () => this.#open, options.errors);
  }

  attach(app: FastifyInstance): void {
    const handle = createHandler<Exchange>({
      // No tokens, so no streams that outlive their request.
      authenticate: () => null,
      onSubscribe: ({ raw }, params) => this.#run(raw, params),
    });
    app.route({
      method: ['GET', 'POST'],
      url: PATH,
      handler: async (request, reply) => {
        if (!request.headers.accept?.includes(MEDIA_TYPE)) {
          return reply.code(406).send(problem('BAD_REQUEST', `Accept ${MEDIA_TYPE}.`, request.id));
        }
        if (this.#draining) throw shuttingDown();
        await this.#answer(request, reply, handle);
        return reply;
      },
    });
  }

  /** New streams are refused; those that are open go on. */
  drain(): void {
    this.#draining = true;
  }

  close(): void {
    this.drain();
    this.#unwatch();
    for (const { stream } of this.#open) {
      stream.endWith(shuttingDown());
    }
  }

  async #answer(
    request: FastifyRequest,
    reply: FastifyReply,
    handle: ReturnType<typeof createHandler<Exchange>>,
  ): Promise<void> {
    const { clock, options } = this.#options;
    const stream = new EventStream({
      response: reply.raw,
      clock,
      stallTimeoutMs: options.stallTimeoutMs,
    });
    const [body, init] = await handle({
      method: request.method,
      url: request.url,
      headers: { get: (name) => (name === 'accept' ? MEDIA_TYPE : headerOf(request, name)) },
      body: bodyOf(request),
      raw: { request, stream },
      context: undefined,
    });
    if (typeof body !== 'object' || body === null) {
      await reply.code(init.status).send(problem('BAD_REQUEST', 'This request cannot be read.', request.id));
      return;
    }
    const open = this.#holderOf(stream, callerOf(request).principal);
    this.#open.add(open);
    const ended = this.#expire(open);
    // Revoked after the caller was identified and before this stream was among those that are told of it?
    void open.recheck().catch((error: unknown) => this.#options.errors.report(error, request.id));
    reply.hijack();
    reply.raw.writeHead(init.status, { ...headersOf(reply), ...init.headers });
    try {
      await stream.write(body);
    } catch (error) {
      this.#options.errors.report(error, request.id);
      reply.raw.destroy();
    } finally {
      this.#open.delete(open);
      ended.abort();
    }
  }

  /** Errors are results here: clients of streams read nothing else. */
  async #run({ request, stream }: Exchange, params: RequestParams): Promise<Results> {
    const { operations, services } = this.#options;
    const context = createContext(services, callerOf(request));
    const format = (result: Unformatted) => this.#format(result, context);
    const only = (result: Unformatted) => onlyResult(format(result));
    try {
      this.#checkRoom(context.principal);
      const prepared = operations.prepare(params, context);
      if ('errors' in prepared) return only(prepared);
      const { args, type, name } = prepared;
      factsOf(request).operationName = operationNameFor(name);
      if (type !== 'subscription') {
        if (type === 'mutation' && request.method === 'GET') throw badInput('Mutations go by POST.');
        return only(await execute(args));
      }
      const results = await operations.subscribe(args);
      return 'next' in results ? stream.gate(results, format) : only(results);
    } catch (error) {
      return only({ errors: [error] });
    }
  }

  /** graphql-sse wants error objects; they print as the same JSON. */
  #format(result: Unformatted, context: RequestContext): ExecutionResult {
    const { operations, errors } = this.#options;
    const { errors: found, ...rest } = operations.format(result, { contextValue: context });
    if (found === undefined) return rest;
    const mapped = (result.errors ?? []).map((error) => errors.toGraphQLError(error, context.requestId));
    return { ...rest, errors: mapped };
  }

  #checkRoom(principal: Principal | undefined): void {
    if (principal === undefined) return;
    const { socketsPerPrincipalMax } = this.#options.options;
    const key = principalKey(principal);
    let count = 0;
    for (const open of this.#open) if (open.principal && principalKey(open.principal) === key) count += 1;
    if (count < socketsPerPrincipalMax) return;
    throw new DomainError('LIMIT_EXCEEDED', `At most ${socketsPerPrincipalMax} streams at once.`);
  }

  /** Ends the stream when its token does; abort it when the stream ended first. */
  #expire({ stream, principal }: OpenStream): AbortController {
    const ended = new AbortController();
    if (principal?.kind !== 'user') return ended;
    const { clock } = this.#options;
    clock.sleep(Math.max(0, principal.expiresAt - clock.now()), ended.signal).then(
      () => stream.endWith(new DomainError('UNAUTHENTICATED', 'The access token expired.')),
      () => undefined,
    );
    return ended;
  }

  #holderOf(stream: EventStream, principal: Principal | undefined): OpenStream {
    const { identity } = this.#options.services;
    const recheck = async () => {
      if (principal === undefined || (await identity.recheck(principal)) !== undefined) return;
      stream.endWith(new DomainError('UNAUTHENTICATED', 'This credential is not valid any more.'));
    };
    return { stream, principal, recheck };
  }
}

/** As a stream of one: graphql-sse takes a bare result without data for something else. */
async function* onlyResult(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield result;
}

function shuttingDown(): DomainError {
  return new DomainError('SHUTTING_DOWN', 'The server is shutting down; resume elsewhere.');
}

function badInput(message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', message);
}

function headerOf(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
}

/** As Fastify parsed it. */
function bodyOf({ body }: FastifyRequest): Record<PropertyKey, unknown> | null {
  return typeof body === 'object' && body !== null ? { ...body } : null;
}
