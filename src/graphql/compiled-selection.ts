/**
 * Executing a subscription with graphql-js costs more than everything else about a token. A selection of run events
 * asks for the same few plain fields each time, so it is compiled once into a function that writes their JSON.
 */
import {
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getOperationAST,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import type { RunEvent } from '../domain/run.ts';

type Source = Readonly<Record<string, unknown>>;
/** Writes the JSON of one value; `cursor` is the event's, which stands in no source. */
type Writer = (source: Source, cursor: string) => string;

interface Compilation {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  readonly variables: Record<string, unknown>;
}

const SUBSCRIPTION_FIELD = 'runEvents';

export class CompiledSelection {
  readonly #writers: ReadonlyMap<string, Writer>;
  readonly #open: string;

  constructor(responseKey: string, writers: ReadonlyMap<string, Writer>) {
    this.#writers = writers;
    this.#open = `{"data":{${JSON.stringify(responseKey)}:`;
  }

  /** The JSON of what graphql-js would return for the event; undefined if that takes resolvers. */
  write(event: RunEvent, cursor: string): string | undefined {
    const writer = this.#writers.get(event.type);
    if (writer === undefined || !isSource(event)) return undefined;
    return `${this.#open}${writer(event, cursor)}}}`;
  }
}

/** undefined: not a subscription of run events alone. The variables are coerced ones. */
export function compileSelection(args: ExecutionArgs): CompiledSelection | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  const root = args.schema.getSubscriptionType();
  if (operation?.operation !== 'subscription' || !root) return undefined;
  const compilation: Compilation = {
    schema: args.schema,
    fragments: fragmentsOf(args),
    variables: { ...args.variableValues },
  };
  const field = rootField(compilation, root, operation);
  if (field === undefined) return undefined;
  const [responseKey, nodes] = field;
  const event = args.schema.getType('RunEvent');
  if (!isInterfaceType(event)) return undefined;
  const writers = new Map<string, Writer>();
  for (const type of args.schema.getPossibleTypes(event)) {
    const writer = compileObject(compilation, type, nodes);
    if (writer !== undefined) writers.set(type.name, writer);
  }
  return new CompiledSelection(responseKey, writers);
}

function fragmentsOf(args: ExecutionArgs): Record<string, FragmentDefinitionNode> {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of args.document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}

function rootField(
  { schema, fragments, variables }: Compilation,
  root: GraphQLObjectType,
  operation: OperationDefinitionNode,
): readonly [string, readonly FieldNode[]] | undefined {
  const fields = collectFields(schema, fragments, variables, root, operation.selectionSet);
  const [entry, ...others] = fields;
  return others.length === 0 && entry?.[1][0]?.name.value === SUBSCRIPTION_FIELD ? entry : undefined;
}

/** undefined as soon as one selected field has a resolver. */
function compileObject(
  compilation: Compilation,
  type: GraphQLObjectType,
  nodes: readonly FieldNode[],
): Writer | undefined {
  const { schema, fragments, variables } = compilation;
  const labels: string[] = [];
  const writers: Writer[] = [];
  for (const [key, fieldNodes] of collectSubfields(schema, fragments, variables, type, nodes)) {
    const writer = compileField(compilation, type, fieldNodes);
    if (writer === undefined) return undefined;
    labels.push(`${labels.length === 0 ? '{' : ','}${JSON.stringify(key)}:`);
    writers.push(writer);
  }
  if (writers.length === 0) return () => '{}';
  return (source, cursor) => {
    let text = '';
    for (let index = 0; index < writers.length; index += 1) {
      text += `${labels[index]}${writers[index]?.(source, cursor)}`;
    }
    return `${text}}`;
  };
}

function compileField(
  compilation: Compilation,
  parent: GraphQLObjectType,
  nodes: readonly FieldNode[],
): Writer | undefined {
  const name = nodes[0]?.name.value;
  if (name === '__typename') return constant(JSON.stringify(parent.name));
  const field = name === undefined ? undefined : parent.getFields()[name];
  if (name === undefined || field === undefined || field.resolve !== undefined) return undefined;
  if (name === 'cursor') return (_source, cursor) => `"${cursor}"`;
  const writer = compileValue(compilation, field.type, nodes);
  return writer && ((source, cursor) => writer(source[name], cursor));
}

/** Every leaf that a run event holds is kept in its serialised form: strings, numbers, booleans and enum names. */
function compileValue(
  compilation: Compilation,
  type: GraphQLOutputType,
  nodes: readonly FieldNode[],
): ((value: unknown, cursor: string) => string) | undefined {
  if (isNonNullType(type)) return compileValue(compilation, type.ofType, nodes);
  if (isLeafType(type)) return writeLeaf;
  if (isListType(type)) {
    const item = compileValue(compilation, type.ofType, nodes);
    return item && ((value, cursor) => writeList(value, (element) => item(element, cursor)));
  }
  const object = isObjectType(type) ? compileObject(compilation, type, nodes) : undefined;
  return object && ((value, cursor) => (isSource(value) ? object(value, cursor) : 'null'));
}

function constant(text: string): Writer {
  return () => text;
}

function writeLeaf(value: unknown): string {
  return typeof value === 'number' ? `${value}` : JSON.stringify(value ?? null);
}

function writeList(value: unknown, item: (element: unknown) => string): string {
  return Array.isArray(value) ? `[${value.map(item).join(',')}]` : 'null';
}

function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null;
}
