import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

/** One place of the schema where a client names something that exists: an ID or a cursor. */
export interface Probe {
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly field: string;
  /** Such as `input.source.uploadId`. */
  readonly path: string;
  readonly kind: 'ID' | 'Cursor';
  /** The document to send; its one variable `value` is the ID or cursor. */
  readonly document: string;
}

const WANTED = new Set(['ID', 'Cursor']);
const SAMPLES: Readonly<Record<string, string>> = {
  String: '"a sample text"',
  Int: '1',
  Float: '1',
  Boolean: 'true',
  JSONObject: '{}',
  ID: '"doc_00000000000000000000000000"',
};

/** Ids of the caller's own, by the name of the argument that wants one. */
export type OwnIds = Readonly<Record<string, string>>;

/** Every argument and input field of type ID or Cursor at the root of the schema, each with an operation around it. */
export function probesOf(schema: GraphQLSchema, own: OwnIds): Probe[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) => fieldProbes(operation, field, own)),
  );
}

/** Fields below the root that take an ID or a cursor: `Type.field.argument`. */
export function nestedPlaces(schema: GraphQLSchema): string[] {
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !roots.has(type) && !type.name.startsWith('__'))
    .flatMap((type) =>
      isObjectType(type) ? Object.values(type.getFields()).map((field) => ({ type, field })) : [],
    )
    .flatMap(({ type, field }) =>
      field.args
        .flatMap((a) => placesIn(a.type, a.name))
        .map(({ path }) => `${type.name}.${field.name}.${path}`),
    );
}

function fieldProbes(
  operation: Probe['operation'],
  field: GraphQLField<unknown, unknown>,
  own: OwnIds,
): Probe[] {
  return field.args.flatMap((argument) =>
    placesIn(argument.type, argument.name).map((place) => {
      const args = field.args.flatMap((other) =>
        argumentText(other, { probed: argument, literal: place.literal, own }),
      );
      const type = `${place.kind}!`;
      const document = `${operation} ($value: ${type}) { ${field.name}(${args.join(', ')}) { __typename } }`;
      return { operation, field: field.name, path: place.path, kind: place.kind, document };
    }),
  );
}

interface Around {
  readonly probed: GraphQLArgument;
  readonly literal: string;
  readonly own: OwnIds;
}

function argumentText(other: GraphQLArgument, { probed, literal, own }: Around): string[] {
  if (other === probed) return [`${other.name}: ${literal}`];
  const mine = own[other.name];
  if (mine !== undefined) return [`${other.name}: "${mine}"`];
  return isRequiredArgument(other) ? [`${other.name}: ${sample(other.type)}`] : [];
}

interface Place {
  readonly path: string;
  readonly kind: Probe['kind'];
  /** The argument's value with `$value` in that place and samples where something is required. */
  readonly literal: string;
}

function placesIn(type: GraphQLInputType, path: string): Place[] {
  if (isNonNullType(type)) return placesIn(type.ofType, path);
  if (isListType(type)) return placesIn(type.ofType, path).map((p) => ({ ...p, literal: `[${p.literal}]` }));
  if (!isInputObjectType(type)) {
    return WANTED.has(type.name) ? [{ path, kind: type.name as Probe['kind'], literal: '$value' }] : [];
  }
  const fields = Object.values(type.getFields());
  return fields.flatMap((field) =>
    placesIn(field.type, `${path}.${field.name}`).map((place) => {
      const others = fields.filter((other) => other !== field && isRequiredInputField(other));
      const members = others.map((other) => `${other.name}: ${sample(other.type)}`);
      return { ...place, literal: `{ ${[`${field.name}: ${place.literal}`, ...members].join(', ')} }` };
    }),
  );
}

function sample(type: GraphQLInputType): string {
  if (isNonNullType(type)) return sample(type.ofType);
  if (isListType(type)) return `[${sample(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues().at(-1)?.name ?? '';
  if (!isInputObjectType(type)) return SAMPLES[type.name] ?? '"a sample text"';
  const fields = Object.values(type.getFields());
  const needed = type.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField);
  return `{ ${needed.map((field) => `${field.name}: ${sample(field.type)}`).join(', ')} }`;
}
