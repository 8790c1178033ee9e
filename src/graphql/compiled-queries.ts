/**
 * Queries that come again and again are compiled (graphql-jit): the same results as graphql-js, for a fraction of its
 * time. Mutations are not, since the compiler knows nothing of @oneOf; nor is what selects an interface or a union, whose
 * types type-graphql resolves with promises, for which the compiler does not wait.
 */
import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isAbstractType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import type { RequestContext } from './context.ts';

/** Compiling costs as much as some hundred executions: whoever sends a new text each time must not make us do it. */
const USES_BEFORE_COMPILING = 8;
/** Of one document. */
const OPERATION_COUNT_MAX = 8;

export interface QueryRequest {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
}

interface Candidate {
  useCount: number;
  compiled: CompiledQuery | undefined;
}

/** By parsed document, so that a compiled query lives exactly as long as its document is kept. */
export class CompiledQueries {
  readonly #schema: GraphQLSchema;
  readonly #documents = new WeakMap<DocumentNode, Map<string, Candidate>>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /**
   * The result as graphql-js would give it; undefined when graphql-js has to: no query, not asked often enough, or
   * variables that do not fit (whose complaints are worded there). No resolver has run then.
   */
  async execute(request: QueryRequest): Promise<ExecutionResult | undefined> {
    const compiled = this.#find(request);
    if (compiled === undefined) return undefined;
    const result = await compiled.query(undefined, request.context, request.variables);
    if (result.data === undefined) return undefined;
    return result.errors === undefined ? result : { ...result, errors: result.errors.map(completed) };
  }

  #find({ document, operationName }: QueryRequest): CompiledQuery | undefined {
    const candidate = this.#candidate(document, operationName ?? '');
    if (candidate === undefined || candidate.useCount > USES_BEFORE_COMPILING) return candidate?.compiled;
    candidate.useCount += 1;
    if (candidate.useCount > USES_BEFORE_COMPILING) {
      candidate.compiled = this.#compile(document, operationName);
    }
    return candidate.compiled;
  }

  #candidate(document: DocumentNode, operationName: string): Candidate | undefined {
    let operations = this.#documents.get(document);
    if (operations === undefined) {
      operations = new Map();
      this.#documents.set(document, operations);
    }
    const known = operations.get(operationName);
    if (known !== undefined || operations.size >= OPERATION_COUNT_MAX) return known;
    const candidate = { useCount: 0, compiled: undefined };
    operations.set(operationName, candidate);
    return candidate;
  }

  #compile(document: DocumentNode, operationName: string | undefined): CompiledQuery | undefined {
    if (getOperationAST(document, operationName)?.operation !== 'query') return undefined;
    if (selectsAbstractType(this.#schema, document)) return undefined;
    const compiled = compileQuery(this.#schema, document, operationName, {
      useExperimentalPathBasedSkipInclude: true,
    });
    return isCompiledQuery(compiled) ? compiled : undefined;
  }
}

function selectsAbstractType(schema: GraphQLSchema, document: DocumentNode): boolean {
  const types = new TypeInfo(schema);
  let found = false;
  const look = {
    Field() {
      if (isAbstractType(getNamedType(types.getType()))) found = true;
    },
  };
  visit(document, visitWithTypeInfo(types, look));
  return found;
}

/** The compiler's errors have the class of graphql-js, but not always what its constructor promises. */
function completed(error: GraphQLError): GraphQLError {
  const complete = new GraphQLError(error.message, {
    path: error.path ?? null,
    originalError: error.originalError ?? null,
  });
  return Object.defineProperty(complete, 'locations', { value: error.locations, enumerable: true });
}
