/** `/graphql` over HTTP: Apollo Server, with our limits and our errors. */
import { ApolloServer, type ApolloServerPlugin, type GraphQLResponse, HeaderMap } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import { type FormattedExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import type { Log } from '../../domain/ports/system.ts';
import { CompiledQueries } from '../../graphql/compiled-queries.ts';
import type { RequestContext } from '../../graphql/context.ts';
import type { ErrorMapping } from '../../graphql/error-mapping.ts';
import { checkVariables, operationLimitsRule } from '../../graphql/operation-limits.ts';
import { rateLimitExtensions } from '../../graphql/operations.ts';
import type { Services } from '../../planes/services.ts';
import { createContext } from './authentication.ts';
import type { EdgeOptions } from './options.ts';
import { callerOf, factsOf, operationNameFor } from './requests.ts';

export interface GraphqlHttpOptions {
  readonly schema: GraphQLSchema;
  readonly services: Services;
  readonly options: EdgeOptions;
  readonly errors: ErrorMapping;
  readonly log: Log;
}

const badRequest = { http: { status: 400 } };

/** Limits on variables, our error shape with the request's id, and rate limits in the extensions. */
function edgePlugin({ errors, options, schema }: GraphqlHttpOptions): ApolloServerPlugin<RequestContext> {
  const queries = new CompiledQueries(schema);
  return {
    async requestDidStart({ contextValue: { requestId } }) {
      return {
        async didResolveOperation({ operation, request }) {
          if (operation?.operation === 'subscription') {
            throw new GraphQLError('Subscriptions go over WebSocket, or SSE at /graphql/stream.', {
              extensions: { code: 'BAD_REQUEST', ...badRequest },
            });
          }
          try {
            checkVariables(request.variables, options.operations);
          } catch (error) {
            throw errors.toGraphQLError(withStatus(error), requestId);
          }
        },
        async responseForOperation({ document, operationName, request: { variables = {} }, contextValue }) {
          const name = operationName ?? undefined;
          const result = await queries.execute({
            document,
            operationName: name,
            variables,
            context: contextValue,
          });
          if (result === undefined) return null;
          const found = result.errors?.map((error) => errors.toPublic(error, requestId));
          return singleResponse({
            data: result.data ?? null,
            ...(found === undefined ? {} : { errors: found }),
          });
        },
        async didEncounterErrors({ errors: found }) {
          for (const error of found) errors.report(error, requestId);
        },
        async willSendResponse({ contextValue, errors: found, response: { body } }) {
          if (body.kind !== 'single') return;
          const { singleResult } = body;
          if (found !== undefined) singleResult.errors = found.map((e) => errors.toPublic(e, requestId));
          const { rateLimit } = contextValue;
          if (rateLimit !== undefined) singleResult.extensions = rateLimitExtensions(rateLimit);
        },
      };
    },
  };
}

function singleResponse(singleResult: FormattedExecutionResult): GraphQLResponse {
  return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult } };
}

function withStatus(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError, extensions: badRequest });
}

export async function serveGraphqlHttp(app: FastifyInstance, edge: GraphqlHttpOptions): Promise<void> {
  const { schema, services, options, errors, log } = edge;
  const apollo = new ApolloServer<RequestContext>({
    schema,
    introspection: options.introspection ?? !options.production,
    hideSchemaDetailsFromClientErrors: options.production,
    includeStacktraceInErrorResponses: false,
    // Both default to what the environment says; only the configuration reads that.
    nodeEnv: options.production ? 'production' : 'development',
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    persistedQueries: false,
    parseOptions: { maxTokens: options.operations.tokenCountMax },
    validationRules: [operationLimitsRule(options.operations)],
    plugins: [
      edgePlugin(edge),
      // Its hook on every field would wrap every resolver of the schema.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      // Whatever the environment says, nothing is reported to anybody.
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
    ],
    formatError: (_formatted, error) => errors.toPublic(error),
    logger: apolloLogger(log),
  });
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());
  const handler = fastifyApolloHandler(apollo, {
    context: async (request) => createContext(services, callerOf(request)),
  });
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    preHandler: (request, _reply, done) => {
      factsOf(request).operationName = operationNameIn(request.body);
      done();
    },
    handler,
  });
}

function operationNameIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('operationName' in body)) return undefined;
  return typeof body.operationName === 'string' ? operationNameFor(body.operationName) : undefined;
}

function apolloLogger(log: Log) {
  const line = (write: Log['info']) => (message: unknown) => write({ library: 'apollo' }, String(message));
  return {
    debug: line(log.debug.bind(log)),
    info: line(log.debug.bind(log)),
    warn: line(log.warn.bind(log)),
    error: line(log.error.bind(log)),
  };
}
