/** The one place where errors become what clients see. HTTP, WebSocket and SSE share it. */
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { DomainError } from '../domain/errors.ts';
import type { Log } from '../domain/ports/system.ts';
import { withoutSubmittedValues } from './submitted-values.ts';

export interface ErrorMappingOptions {
  readonly log: Log;
  /** Hides what the schema has ("Did you mean …"). */
  readonly hideSuggestions: boolean;
}

interface Classified {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
}

const MASKED: Classified = {
  code: 'INTERNAL_SERVER_ERROR',
  message: 'Something went wrong on our side.',
  retryable: false,
};
const SUGGESTION = / ?Did you mean [^?]*\?/g;
/** graphql-js's own complaints about a request, which carry no code. Everything else without a code is our fault. */
const REQUEST_COMPLAINTS: readonly (readonly [RegExp, string])[] = [
  [/^Syntax Error/, 'GRAPHQL_PARSE_FAILED'],
  [/^(Variable|Argument) "/, 'BAD_USER_INPUT'],
  [/^(Unknown operation named|Must provide)/, 'OPERATION_RESOLUTION_FAILURE'],
];
const CAUSE_DEPTH_MAX = 8;

/** The error inside GraphQL's wrappers. */
function innermost(error: unknown): unknown {
  let inner = error;
  for (let depth = 0; depth < CAUSE_DEPTH_MAX; depth += 1) {
    if (!(inner instanceof GraphQLError) || inner.originalError === undefined) return inner;
    inner = inner.originalError;
  }
  return inner;
}

function codeOf(error: GraphQLError): string | undefined {
  const { code } = error.extensions;
  if (typeof code === 'string' && code !== MASKED.code) return code;
  return REQUEST_COMPLAINTS.find(([pattern]) => pattern.test(error.message))?.[1];
}

export class ErrorMapping {
  readonly #options: ErrorMappingOptions;
  readonly #reported = new WeakSet<object>();

  constructor(options: ErrorMappingOptions) {
    this.#options = options;
  }

  /** Logs an error that nobody expected, once, however many transports and hooks see it. */
  report(error: unknown, requestId?: string | undefined): void {
    if (this.#classify(error) !== MASKED) return;
    const inner = innermost(error);
    if (typeof inner === 'object' && inner !== null) {
      if (this.#reported.has(inner)) return;
      this.#reported.add(inner);
    }
    const path = error instanceof GraphQLError ? error.path?.join('.') : undefined;
    this.#options.log.error({ err: inner, path, requestId }, 'unexpected error');
  }

  /** What the client sees of an error: a code, whether to retry, and never what it had submitted. */
  toPublic(error: unknown, requestId?: string | undefined): GraphQLFormattedError {
    this.report(error, requestId);
    const { code, message, retryable, retryAfterMs } = this.#classify(error);
    const extensions = {
      code,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }),
      ...(requestId === undefined ? {} : { requestId }),
    };
    if (!(error instanceof GraphQLError)) return { message, extensions };
    const { locations, path } = error;
    return {
      message,
      ...(locations === undefined ? {} : { locations }),
      ...(path === undefined ? {} : { path }),
      extensions,
    };
  }

  /** The same, for transports that want error objects. */
  toGraphQLError(error: unknown, requestId?: string | undefined): GraphQLError {
    const { message, extensions } = this.toPublic(error, requestId);
    const located = error instanceof GraphQLError ? error : undefined;
    return new GraphQLError(message, {
      nodes: located?.nodes ?? null,
      source: located?.source ?? null,
      positions: located?.positions ?? null,
      path: located?.path ?? null,
      extensions: extensions ?? null,
    });
  }

  #classify(error: unknown): Classified {
    const inner = innermost(error);
    if (inner instanceof DomainError) return inner;
    const complaint = inner instanceof GraphQLError ? inner : error;
    if (!(complaint instanceof GraphQLError)) return MASKED;
    const code = codeOf(complaint) ?? (error instanceof GraphQLError ? codeOf(error) : undefined);
    if (code === undefined) return MASKED;
    const message = withoutSubmittedValues(complaint.message);
    return {
      code,
      message: this.#options.hideSuggestions ? message.replaceAll(SUGGESTION, '') : message,
      retryable: false,
    };
  }
}
