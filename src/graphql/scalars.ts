import { GraphQLScalarType, Kind } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject, GraphQLSafeInt } from 'graphql-scalars';
import { DomainError } from '../domain/errors.ts';

function cursorText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new DomainError('BAD_USER_INPUT', 'A cursor is a string.');
}

/** Only the transport of cursors; what is inside them is the business of cursors.ts. */
export const Cursor = new GraphQLScalarType<string, string>({
  name: 'Cursor',
  description:
    'Opaque position in a list or a stream. Send one back exactly as it came; never build or parse one.',
  serialize: cursorText,
  parseValue: cursorText,
  parseLiteral: (node) => cursorText(node.kind === Kind.STRING ? node.value : undefined),
});

function described(scalar: GraphQLScalarType, description: string): GraphQLScalarType {
  return new GraphQLScalarType({ ...scalar.toConfig(), description });
}

export const DateTime = described(GraphQLDateTime, 'An instant as RFC 3339 text in UTC with milliseconds.');
export const SafeInt = described(
  GraphQLSafeInt,
  '53-bit integer: money in micro-units of the currency, totals of tokens.',
);
export const JSONObject = described(GraphQLJSONObject, 'A JSON object.');
