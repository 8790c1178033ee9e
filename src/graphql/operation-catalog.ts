import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { checkOperation, type OperationLimits } from './operation-limits.ts';

export interface OperationCatalogOptions {
  readonly schema: GraphQLSchema;
  readonly limits: OperationLimits;
  readonly introspection: boolean;
}

export type Prepared = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

const DOCUMENT_COUNT_MAX = 500;
/** Longer documents are legal but not kept: 500 of them are at most 4 MiB of text. */
const KEPT_LENGTH_MAX = 8_192;
const VALIDATION_ERRORS_MAX = 20;

/** Documents that were parsed and validated once, by their text, for the transports that Apollo does not serve. */
export class OperationCatalog {
  readonly schema: GraphQLSchema;
  readonly #limits: OperationLimits;
  readonly #rules: typeof specifiedRules;
  /** In order of use: the first is the one to forget. */
  readonly #documents = new Map<string, DocumentNode>();

  constructor(options: OperationCatalogOptions) {
    this.schema = options.schema;
    this.#limits = options.limits;
    this.#rules = options.introspection
      ? specifiedRules
      : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  }

  /** The document, or why it is refused. The same text gives the same document object. */
  prepare(source: string): Prepared {
    const known = this.#documents.get(source);
    if (known !== undefined) {
      this.#documents.delete(source);
      this.#documents.set(source, known);
      return { document: known };
    }
    const prepared = this.#prepare(source);
    if ('document' in prepared && source.length <= KEPT_LENGTH_MAX) this.#keep(source, prepared.document);
    return prepared;
  }

  #prepare(source: string): Prepared {
    let document: DocumentNode;
    try {
      document = parse(source, { maxTokens: this.#limits.tokenCountMax });
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : new GraphQLError('Syntax Error')] };
    }
    const excess = checkOperation(this.schema, document, this.#limits);
    if (excess !== undefined) return { errors: [excess] };
    const errors = validate(this.schema, document, this.#rules, { maxErrors: VALIDATION_ERRORS_MAX });
    return errors.length === 0 ? { document } : { errors: errors.map(validationError) };
  }

  #keep(source: string, document: DocumentNode): void {
    if (this.#documents.size >= DOCUMENT_COUNT_MAX) {
      for (const oldest of this.#documents.keys()) {
        this.#documents.delete(oldest);
        break;
      }
    }
    this.#documents.set(source, document);
  }
}

function validationError(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes ?? null,
    originalError: error.originalError ?? null,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', ...error.extensions },
  });
}
