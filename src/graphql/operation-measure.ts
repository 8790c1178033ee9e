import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** How large an operation is once its fragments are spread. */
export interface OperationMeasure {
  readonly depth: number;
  readonly aliasCount: number;
  readonly directiveCount: number;
  readonly rootFieldCount: number;
  readonly cost: number;
}

const EMPTY: OperationMeasure = { depth: 0, aliasCount: 0, directiveCount: 0, rootFieldCount: 0, cost: 0 };
/** What a list without `first` is taken to hold. */
const LIST_LENGTH_ASSUMED = 10;
const PAGE_SIZE_DEFAULT = 20;
/** What `first` is taken to be when it is a variable: the document is checked once, before its variables are known. */
const PAGE_SIZE_MAX = 100;

type ParentType = GraphQLCompositeType | undefined;

/** The largest of each measure over the document's operations; `directiveCount` is of the whole document as written. */
export function measureDocument(schema: GraphQLSchema, document: DocumentNode): OperationMeasure {
  const measurer = new Measurer(schema, document);
  let largest = EMPTY;
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const root = schema.getRootType(definition.operation) ?? undefined;
    largest = maximum(largest, measurer.measure(definition.selectionSet, root));
  }
  return { ...largest, directiveCount: countDirectives(document) };
}

/** Measures each fragment once and then counts it at every spread, so that fragments that double cannot cost us time. */
class Measurer {
  readonly #schema: GraphQLSchema;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** EMPTY while a fragment is being measured: a cycle adds nothing here, and validation refuses it. */
  readonly #measured = new Map<string, OperationMeasure>();

  constructor(schema: GraphQLSchema, document: DocumentNode) {
    this.#schema = schema;
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION)
        this.#fragments.set(definition.name.value, definition);
    }
  }

  /** Recurses no deeper than the parser did, whose depth the token limit bounds. */
  measure(selectionSet: SelectionSetNode, parent: ParentType): OperationMeasure {
    let total = EMPTY;
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) {
        total = sum(total, this.#measureField(selection, parent));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const type = this.#typeNamed(selection.typeCondition?.name.value) ?? parent;
        total = sum(total, this.measure(selection.selectionSet, type));
      } else {
        total = sum(total, this.#measureFragment(selection.name.value));
      }
    }
    return total;
  }

  #measureFragment(name: string): OperationMeasure {
    const known = this.#measured.get(name);
    if (known !== undefined) return known;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return EMPTY;
    this.#measured.set(name, EMPTY);
    const type = this.#typeNamed(fragment.typeCondition.name.value);
    const measure = this.measure(fragment.selectionSet, type);
    this.#measured.set(name, measure);
    return measure;
  }

  #measureField(node: FieldNode, parent: ParentType): OperationMeasure {
    const field = fieldOf(node, parent);
    const type = field === undefined ? undefined : getNamedType(field.type);
    const inner = node.selectionSet
      ? this.measure(node.selectionSet, isCompositeType(type) ? type : undefined)
      : EMPTY;
    return {
      depth: inner.depth + 1,
      aliasCount: inner.aliasCount + (node.alias === undefined ? 0 : 1),
      directiveCount: 0,
      rootFieldCount: 1,
      cost: 1 + inner.cost * itemCount(node, field),
    };
  }

  #typeNamed(name: string | undefined): ParentType {
    const type = name === undefined ? undefined : this.#schema.getType(name);
    return isCompositeType(type) ? type : undefined;
  }
}

function fieldOf(node: FieldNode, parent: ParentType): GraphQLField<unknown, unknown> | undefined {
  const fields = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields() : undefined;
  return fields?.[node.name.value];
}

function itemCount(node: FieldNode, field: GraphQLField<unknown, unknown> | undefined): number {
  // Introspection is bounded by graphql-js (MaxIntrospectionDepthRule), and costs no look-up.
  if (field === undefined || getNamedType(field.type).name.startsWith('__')) return 1;
  if (field.args.some(({ name }) => name === 'first')) {
    const first = node.arguments?.find(({ name }) => name.value === 'first')?.value;
    if (first === undefined || first.kind === Kind.NULL) return PAGE_SIZE_DEFAULT;
    return first.kind === Kind.INT
      ? Math.min(Math.max(Number(first.value), 1), PAGE_SIZE_MAX)
      : PAGE_SIZE_MAX;
  }
  const type = isNonNullType(field.type) ? field.type.ofType : field.type;
  // The edges of a connection were counted at its `first`.
  return isListType(type) && !type.toString().includes('Edge!') ? LIST_LENGTH_ASSUMED : 1;
}

function sum(a: OperationMeasure, b: OperationMeasure): OperationMeasure {
  return {
    depth: Math.max(a.depth, b.depth),
    aliasCount: a.aliasCount + b.aliasCount,
    directiveCount: a.directiveCount + b.directiveCount,
    rootFieldCount: a.rootFieldCount + b.rootFieldCount,
    cost: a.cost + b.cost,
  };
}

function maximum(a: OperationMeasure, b: OperationMeasure): OperationMeasure {
  return {
    depth: Math.max(a.depth, b.depth),
    aliasCount: Math.max(a.aliasCount, b.aliasCount),
    directiveCount: Math.max(a.directiveCount, b.directiveCount),
    rootFieldCount: Math.max(a.rootFieldCount, b.rootFieldCount),
    cost: Math.max(a.cost, b.cost),
  };
}

/** Every directive node, wherever it stands; walks without recursion. */
function countDirectives(document: DocumentNode): number {
  let count = 0;
  const open: object[] = [...document.definitions];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const [key, value] of Object.entries(node)) {
      if (key === 'loc' || typeof value !== 'object' || value === null) continue;
      if (key === 'directives' && Array.isArray(value)) count += value.length;
      if (Array.isArray(value)) open.push(...value);
      else open.push(value);
    }
  }
  return count;
}
