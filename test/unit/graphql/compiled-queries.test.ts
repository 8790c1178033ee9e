import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeServer, type GraphqlBody, startEdge } from '../../support/edge-server.ts';
import { fakeId } from '../../support/fake-services.ts';

/** More than it takes until a query is compiled. */
const TIMES = 12;

let edge: EdgeServer;
let documentId: string;
beforeAll(async () => {
  edge = await startEdge();
  for (let index = 0; index < 5; index += 1)
    edge.world.addDocument({ title: `Title ${index} "quoted" \u{1F980}` });
  documentId = edge.world.addDocument({
    title: 'Failed',
    status: 'FAILED',
    error: { code: 'BAD_USER_INPUT', message: 'Broken.', retryable: false },
  }).id;
});
afterAll(() => edge.close());

const NODE = `query Node($id: ID!) { node(id: $id) { __typename id ... on Document { title error { code } } } }`;
const PAGE = `query Page($first: Int, $after: Cursor, $full: Boolean!, $bare: Boolean = false) {
  page: documents(first: $first, after: $after) {
    edges { cursor node { ...Facts status @include(if: $full) } }
    pageInfo { endCursor hasNextPage }
  }
}
fragment Facts on Document { id title @skip(if: $bare) version createdAt metadata collection { id name } }`;

/** Everything but the request's id, which is another each time. */
async function answers(query: string, variables: Readonly<Record<string, unknown>>) {
  const seen: { readonly status: number; readonly body: GraphqlBody }[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    const { status, body } = await edge.ask(query, variables);
    const errors = body.errors?.map(({ extensions: { requestId, ...rest }, ...error }) => {
      expect(requestId).toEqual(expect.any(String));
      return { ...error, extensions: rest };
    });
    seen.push({ status, body: errors === undefined ? body : { ...body, errors } });
  }
  return seen;
}

describe('a query that comes often is answered as it was the first time', () => {
  const cases: readonly (readonly [string, string, () => Readonly<Record<string, unknown>>])[] = [
    ['plain fields', '{ me { id email memberships { role workspace { id name } } } }', () => ({})],
    ['a page, with directives and fragments', PAGE, () => ({ first: 3, full: true })],
    ['a page without what is skipped', PAGE, () => ({ first: 3, full: false, bare: true })],
    ['an interface', NODE, () => ({ id: documentId })],
    ['something that is not there', NODE, () => ({ id: fakeId('doc') })],
    ['a malformed id', NODE, () => ({ id: 'nonsense' })],
    ['a missing variable', NODE, () => ({})],
    ['a variable of another type', PAGE, () => ({ first: 'three', full: true })],
    ['an argument out of bounds', PAGE, () => ({ first: 100_000, full: true })],
    [
      'a failure in one of several fields',
      '{ __typename a: me { id } b: run(id: "run_x") { id } }',
      () => ({}),
    ],
    ['introspection', '{ __schema { queryType { name } } __type(name: "Run") { name kind } }', () => ({})],
  ];

  it.each(cases)('%s', async (_name, query, variables) => {
    const [first, ...later] = await answers(query, variables());
    for (const answer of later) expect(answer).toEqual(first);
  });

  it('by the caller of each request alone', async () => {
    const query = 'query Mine { me { email } }';
    for (let time = 0; time < TIMES; time += 1) expect((await edge.ask(query)).body.errors).toBeUndefined();
    const { body } = await edge.ask(query, {}, {});
    expect(body.data).toBeNull();
    expect(body.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  it('while mutations are never compiled, since @oneOf holds for all of them', async () => {
    const query = `mutation I($source: DocumentSourceInput!) {
      ingest(input: { source: $source }) { __typename } }`;
    const source = { text: { content: 'a', mediaType: 'TEXT_PLAIN' }, url: 'http://example.com' };
    for (const { body } of await answers(query, { source })) {
      expect(body.data ?? null).toBeNull();
      expect(body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
  });

  it('and an unexpected error is masked, and logged once a request', async () => {
    const query = 'query Boom { workspace { id name } }';
    const real = edge.world.services.workspaces.current;
    edge.world.services.workspaces.current = async () => {
      throw new Error('secret detail');
    };
    const before = edge.lines.filter(({ message }) => message === 'unexpected error').length;
    const seen = await answers(query, {});
    edge.world.services.workspaces.current = real;
    for (const answer of seen) expect(answer).toEqual(seen[0]);
    expect(JSON.stringify(seen)).not.toContain('secret');
    expect(edge.lines.filter(({ message }) => message === 'unexpected error').length - before).toBe(TIMES);
  });
});
