/** graphql-ws owns the protocol; this tells it who may do what, and lets run events past graphql-js. */
import { type ExecutionArgs, execute, type GraphQLError } from 'graphql';
import { type Context, makeServer, type Server, type SubscribePayload } from 'graphql-ws';
import { DomainError } from '../../domain/errors.ts';
import type { Log } from '../../domain/ports/system.ts';
import type { ErrorMapping } from '../../graphql/error-mapping.ts';
import { asGraphQLError, type Operations } from '../../graphql/operations.ts';
import type { ResultSink } from '../../graphql/run-event-pump.ts';
import type { EdgeOptions } from './options.ts';
import { operationNameFor, principalFields } from './requests.ts';
import { CLOSE, type RunningOperation, type SocketSession } from './socket-session.ts';

const OPERATION_ID_LENGTH_MAX = 128;

type SocketContext = Context<Record<string, unknown>, SocketSession>;

export interface SocketProtocolOptions {
  readonly operations: Operations;
  readonly errors: ErrorMapping;
  readonly options: EdgeOptions;
  readonly log: Log;
  /** Sockets that one principal has open, this one included. */
  readonly countSockets: (key: string) => number;
}

export class SocketProtocol {
  readonly server: Server<SocketSession>;
  readonly #options: SocketProtocolOptions;
  /** By the objects that graphql-ws hands from hook to hook. */
  readonly #running = new WeakMap<ExecutionArgs, RunningOperation>();
  readonly #refused = new WeakMap<readonly GraphQLError[], string>();

  constructor(options: SocketProtocolOptions) {
    this.#options = options;
    const { operations } = options;
    this.server = makeServer<Record<string, unknown>, SocketSession>({
      connectionInitWaitTimeout: options.options.initTimeoutMs,
      onConnect: (context) => this.#connect(context),
      onSubscribe: (context, id, payload) => this.#prepare(context, id, payload),
      execute,
      subscribe: (args) => operations.subscribe(args, this.#sinkOf(args)),
      onNext: (_context, _id, _payload, args, result) => operations.format(result, args),
      onError: (_context, _id, _payload, errors) =>
        operations.publicErrors(errors, this.#refused.get(errors)),
      onComplete: ({ extra: session }, id) => this.#log(session, id),
    });
  }

  async #connect({ connectionParams, extra: session }: SocketContext): Promise<boolean> {
    try {
      const principal = await session.authenticate(connectionParams);
      if (principal === undefined) return false;
    } catch (error) {
      this.#options.errors.report(error);
      session.close(CLOSE.tryAgainLater, 'The credential cannot be checked right now');
      return false;
    }
    const { countSockets, options } = this.#options;
    if (session.key !== undefined && countSockets(session.key) <= options.socketsPerPrincipalMax) return true;
    session.close(CLOSE.tryAgainLater, 'Too many sockets of this user');
    return false;
  }

  async #prepare(
    context: SocketContext,
    id: string,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const session = context.extra;
    try {
      this.#checkRoom(context, id);
      const principal = await session.recheck();
      if (principal === undefined) throw new DomainError('UNAUTHENTICATED', 'Sign in again.');
      const request = session.createContext(principal);
      const prepared = this.#options.operations.prepare(payload, request);
      if ('errors' in prepared) {
        this.#refused.set(prepared.errors, request.requestId);
        return prepared.errors;
      }
      const { name } = prepared;
      const running = { id, session, name, requestId: request.requestId, startedAt: session.now() };
      this.#running.set(prepared.args, running);
      session.running.set(id, running);
      return prepared.args;
    } catch (error) {
      return [asGraphQLError(error)];
    }
  }

  #checkRoom({ subscriptions }: SocketContext, id: string): void {
    const { operationsPerSocketMax } = this.#options.options;
    if (Object.keys(subscriptions).length > operationsPerSocketMax) {
      throw new DomainError('LIMIT_EXCEEDED', `At most ${operationsPerSocketMax} operations at once.`);
    }
    if (id.length > OPERATION_ID_LENGTH_MAX) {
      throw new DomainError('LIMIT_EXCEEDED', `Ids have at most ${OPERATION_ID_LENGTH_MAX} characters.`);
    }
  }

  #sinkOf(args: ExecutionArgs): ResultSink | undefined {
    const running = this.#running.get(args);
    if (running === undefined) return undefined;
    const { outlet } = running.session;
    const open = `{"id":${JSON.stringify(running.id)},"type":"next","payload":`;
    return {
      write: (payload) => outlet.send(`${open}${payload}}`),
      get full() {
        return outlet.full;
      },
      drained: () => outlet.drained(),
    };
  }

  #log(session: SocketSession, id: string): void {
    const running = session.running.get(id);
    if (running === undefined) return;
    session.running.delete(id);
    const line = {
      requestId: running.requestId,
      transport: 'websocket',
      operationName: operationNameFor(running.name),
      durationMs: session.now() - running.startedAt,
      ...principalFields(session.principal),
    };
    this.#options.log.info(line, 'request');
  }
}
