import { badResponse, MultiDbError } from './errors.ts';

/** A document with the types of its result and variables; generated from operations.graphql. */
export interface TypedDocument<Data, Variables> {
  readonly __apiType?: ((variables: Variables) => Data) | undefined;
  toString(): string;
}

/**
 * The data of a GraphQL response. Throws its first error as MultiDbError, BAD_RESPONSE if it is no response at all.
 * That the data has the shape of the document is the server's promise: the schema that typed it is the server's own.
 */
export function readData<Data>(response: unknown): Data {
  if (!isRecord(response)) throw badResponse('The answer is not a GraphQL response.');
  const { data, errors } = response;
  if (Array.isArray(errors) && errors.length > 0) throw graphQLError(errors);
  if (!isRecord(data)) throw badResponse('The answer is not a GraphQL response.');
  return data as Data;
}

/** Has the shape that the GraphQL specification gives a response. */
export function isResponse(value: unknown): boolean {
  return isRecord(value) && ('data' in value || Array.isArray(value['errors']));
}

interface ResponseError {
  readonly message?: unknown;
  readonly extensions?: unknown;
}

/** From `errors[]`, whatever its elements turn out to be. */
export function graphQLError(errors: readonly unknown[]): MultiDbError {
  const first: ResponseError = errors.find(isRecord) ?? {};
  const { code, retryable, retryAfterMs, requestId } = isRecord(first.extensions) ? first.extensions : {};
  const message = typeof first.message === 'string' ? first.message : 'The server refused the operation.';
  return new MultiDbError(typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR', message, {
    retryable: retryable === true,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
