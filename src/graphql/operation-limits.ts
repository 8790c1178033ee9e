/** The one set of limits on operations. HTTP, WebSocket and SSE apply it before anything is executed. */
import { type DocumentNode, GraphQLError, type GraphQLSchema, type ValidationRule } from 'graphql';
import { DomainError } from '../domain/errors.ts';
import { measureDocument, type OperationMeasure } from './operation-measure.ts';

export interface OperationLimits {
  /** Nested selections. The deepest introspection that tools send needs 14. */
  readonly depthMax: number;
  /** Aliased fields after fragments are spread, `__typename` too. */
  readonly aliasCountMax: number;
  /** Lexical tokens of a whole document; the parser stops there, so nesting cannot exhaust its stack. */
  readonly tokenCountMax: number;
  /** Directives on one document. */
  readonly directiveCountMax: number;
  readonly rootFieldCountMax: number;
  /** Fields times the length of the lists around them. */
  readonly costMax: number;
  /** Items of any list among the variables. */
  readonly listLengthMax: number;
  /** Values and keys among the variables altogether. */
  readonly variableNodeCountMax: number;
}

export const DEFAULT_OPERATION_LIMITS: OperationLimits = {
  depthMax: 16,
  aliasCountMax: 16,
  tokenCountMax: 2_000,
  directiveCountMax: 16,
  rootFieldCountMax: 16,
  costMax: 20_000,
  listLengthMax: 1_000,
  variableNodeCountMax: 20_000,
};

const MEASURES: readonly (readonly [keyof OperationMeasure, keyof OperationLimits, string])[] = [
  ['depth', 'depthMax', 'is nested too deeply'],
  ['aliasCount', 'aliasCountMax', 'has too many aliases'],
  ['directiveCount', 'directiveCountMax', 'has too many directives'],
  ['rootFieldCount', 'rootFieldCountMax', 'has too many root fields'],
  ['cost', 'costMax', 'asks for too much'],
];

function refusal(name: string, complaint: string, actual: number, max: number): GraphQLError {
  const message = `The operation ${complaint}: ${name} ${actual}, at most ${max}.`;
  return new GraphQLError(message, { extensions: { code: 'LIMIT_EXCEEDED' } });
}

/** One error for the first limit that a document breaks. Takes time linear in the document, whatever it spreads. */
export function checkOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  limits: OperationLimits,
): GraphQLError | undefined {
  const measure = measureDocument(schema, document);
  for (const [name, limit, complaint] of MEASURES) {
    if (measure[name] > limits[limit]) return refusal(name, complaint, measure[name], limits[limit]);
  }
  return undefined;
}

export function operationLimitsRule(limits: OperationLimits): ValidationRule {
  return (context) => ({
    Document(document) {
      const error = checkOperation(context.getSchema(), document, limits);
      if (error === undefined) return undefined;
      context.reportError(error);
      return false;
    },
  });
}

/** Throws LIMIT_EXCEEDED for lists that are too long, or too many values; walks without recursion. */
export function checkVariables(variables: unknown, limits: OperationLimits): void {
  const open: unknown[] = [variables];
  let seen = 0;
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value) && value.length > limits.listLengthMax) {
      throw new DomainError('LIMIT_EXCEEDED', `A list has more than ${limits.listLengthMax} items.`);
    }
    const items = Object.values(value);
    seen += items.length;
    if (seen > limits.variableNodeCountMax) {
      throw new DomainError('LIMIT_EXCEEDED', `More than ${limits.variableNodeCountMax} values at once.`);
    }
    open.push(...items);
  }
}
