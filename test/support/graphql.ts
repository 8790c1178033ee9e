import type { GraphqlBody } from './edge-server.ts';

export interface RawAnswer {
  readonly status: number;
  readonly body: GraphqlBody;
}

/** One operation over HTTP with no client in between. */
export async function post(
  url: string,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  token?: string,
): Promise<RawAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, body: (await response.json()) as GraphqlBody };
}

export function codesOf({ body }: RawAnswer): string[] {
  return (body.errors ?? []).map(({ extensions }) => extensions.code);
}

export async function accessToken(url: string, email: string, password: string): Promise<string> {
  const query = `mutation ($input: LoginInput!) { login(input: $input) { ... on LoginSuccess { accessToken } } }`;
  const { body } = await post(url, query, { input: { email, password } });
  const { login } = body.data as { login: { accessToken: string } };
  return login.accessToken;
}
