/** How WebSocket and SSE run an operation: the limits, the context and the error mapping that HTTP has too. */
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationTypeNode,
  subscribe,
} from 'graphql';
import { RequestContext } from './context.ts';
import type { ErrorMapping } from './error-mapping.ts';
import { OperationCatalog } from './operation-catalog.ts';
import { checkVariables, type OperationLimits } from './operation-limits.ts';
import { type ResultSink, RunEventPump } from './run-event-pump.ts';
import { SelectionCache } from './selection-cache.ts';
import { RunEventStream } from './streams.ts';

export interface OperationParams {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

export interface PreparedOperation {
  readonly args: ExecutionArgs;
  readonly type: OperationTypeNode;
  readonly name: string | undefined;
}

export interface OperationsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: OperationLimits;
  readonly introspection: boolean;
  readonly errors: ErrorMapping;
}

/** A result as graphql-js gives it, or errors alone. */
export interface Unformatted {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly unknown[] | undefined;
}

export class Operations {
  readonly #selections = new SelectionCache();
  readonly #options: OperationsOptions;
  readonly #catalog: OperationCatalog;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#catalog = new OperationCatalog(options);
  }

  /** Parsed, measured and validated; or why not. Nothing has been executed yet. */
  prepare(
    params: OperationParams,
    context: RequestContext,
  ): PreparedOperation | { readonly errors: readonly GraphQLError[] } {
    const prepared = this.#catalog.prepare(params.query);
    if ('errors' in prepared) return prepared;
    try {
      checkVariables(params.variables, this.#options.limits);
    } catch (error) {
      return { errors: [asGraphQLError(error)] };
    }
    const operation = getOperationAST(prepared.document, params.operationName);
    if (!operation) {
      const extensions = { code: 'OPERATION_RESOLUTION_FAILURE' };
      return { errors: [new GraphQLError('Name one operation of the document.', { extensions })] };
    }
    const args: ExecutionArgs = {
      schema: this.#options.schema,
      document: prepared.document,
      operationName: params.operationName ?? null,
      variableValues: params.variables ?? {},
      contextValue: context,
    };
    return { args, type: operation.operation, name: operation.name?.value };
  }

  /**
   * The subscription's stream of results, not yet formatted, or the result that says why there is none. Never rejects.
   * With a sink, run events go there as finished JSON, and the stream only says when they end.
   */
  async subscribe(
    args: ExecutionArgs,
    sink?: ResultSink,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
    try {
      const selection = sink && this.#selections.find(args);
      if (sink === undefined || selection === undefined) return await subscribe(args);
      const stream = await createSourceEventStream(args);
      if (stream instanceof RunEventStream) {
        const print = (result: ExecutionResult) => JSON.stringify(this.format(result, args));
        return new RunEventPump({ stream, selection, args, sink, print });
      }
      if ('errors' in stream) return stream;
      throw new Error('a selection of run events without their stream');
    } catch (error) {
      return { errors: [asGraphQLError(error)] };
    }
  }

  /** The result as clients see it: errors masked, rate limits told. */
  format(result: Unformatted, args: Pick<ExecutionArgs, 'contextValue'>): FormattedExecutionResult {
    const context = args.contextValue instanceof RequestContext ? args.contextValue : undefined;
    const { data, errors } = result;
    return {
      ...(errors === undefined ? {} : { errors: this.publicErrors(errors, context?.requestId) }),
      ...(data === undefined ? {} : { data }),
      ...(context?.rateLimit === undefined ? {} : { extensions: rateLimitExtensions(context.rateLimit) }),
    };
  }

  publicErrors(errors: readonly unknown[], requestId: string | undefined) {
    return errors.map((error) => this.#options.errors.toPublic(error, requestId));
  }
}

export function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

export function rateLimitExtensions(rateLimit: NonNullable<RequestContext['rateLimit']>) {
  const { limit, remaining, resetMs } = rateLimit;
  return { rateLimit: { limit, remaining, resetMs: Math.ceil(resetMs) } };
}
