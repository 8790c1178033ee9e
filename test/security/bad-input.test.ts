import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/graphql/cursors.ts';
import { type EdgeServer, type GraphqlBody, startEdge } from '../support/edge-server.ts';
import { allEvents, openStream } from '../support/event-streams.ts';
import { EMAIL, FakeWorld, fakeId, fakePrincipal, PASSWORD } from '../support/fake-services.ts';
import { connect } from '../support/sockets.ts';

let edge: EdgeServer;
let production: EdgeServer;
beforeAll(async () => {
  edge = await startEdge();
  production = await startEdge({ production: true }, new FakeWorld());
});
afterAll(() => Promise.all([edge.close(), production.close()]));

type Ask = (
  server: EdgeServer,
  query: string,
  variables?: Readonly<Record<string, unknown>>,
) => Promise<GraphqlBody>;

/** The same operation over each transport, as a signed-in user: one body, whichever way it came. */
const TRANSPORTS: Readonly<Record<string, Ask>> = {
  HTTP: async (server, query, variables) => (await server.ask(query, variables)).body,
  WebSocket: async (server, query, variables) => {
    const socket = await connect(server.url, server.world.addToken(fakePrincipal()));
    socket.subscribe('x', query, variables);
    const { type, payload } = await socket.next();
    await socket.close();
    return (type === 'error' ? { errors: payload } : payload) as GraphqlBody;
  },
  SSE: async (server, query, variables) => {
    const response = await openStream(server.url, server.world.addToken(fakePrincipal()), {
      query,
      variables,
    });
    const [first] = await allEvents(response);
    return first?.data as GraphqlBody;
  },
};

function codesOf(body: GraphqlBody): string[] {
  return (body.errors ?? []).map(({ extensions }) => extensions.code);
}

const deep = `${'{ a '.repeat(10_000)}${'}'.repeat(10_000)}`;
const nested = (count: number) =>
  `{ __type(name: "Run") { ${'ofType { '.repeat(count)} name ${'} '.repeat(count)} } }`;
const aliased = (count: number, field: string) =>
  Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ');
const LOGIN_FIELD = 'login(input: { email: "a@b.c", password: "x" }) { __typename }';
const doubling = [
  'query { ...F0 }',
  ...Array.from(
    { length: 25 },
    (_, index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`,
  ),
  'fragment F25 on Query { me { id } }',
].join(' ');

/** What → document and the code that every transport answers with. */
const OVERSIZED: Readonly<Record<string, readonly [string, string]>> = {
  'a query 10,000 deep': [deep, 'GRAPHQL_PARSE_FAILED'],
  'a query deeper than allowed': [nested(20), 'LIMIT_EXCEEDED'],
  '1,000 aliases of login': [`mutation { ${aliased(1_000, LOGIN_FIELD)} }`, 'GRAPHQL_PARSE_FAILED'],
  '40 aliases of login': [`mutation { ${aliased(40, LOGIN_FIELD)} }`, 'LIMIT_EXCEEDED'],
  '100 aliases of __typename': [`{ me { ${aliased(100, '__typename')} } }`, 'LIMIT_EXCEEDED'],
  'fragments that double 25 times': [doubling, 'LIMIT_EXCEEDED'],
  'too many directives': [`{ me { id ${'@include(if: true) '.repeat(40)} } }`, 'LIMIT_EXCEEDED'],
  'too many root fields': [`{ ${'me { id } '.repeat(40)} }`, 'LIMIT_EXCEEDED'],
  'lists within lists': [
    '{ conversations(first: 100) { edges { node { messages(first: 100) { edges { node { text } } } } } } }',
    'LIMIT_EXCEEDED',
  ],
  'a fragment that spreads itself': [
    '{ ...A } fragment A on Query { me { id } ...A }',
    'GRAPHQL_VALIDATION_FAILED',
  ],
  nonsense: ['{ nothing of this kind }', 'GRAPHQL_VALIDATION_FAILED'],
  'no GraphQL at all': ['DROP TABLE users', 'GRAPHQL_PARSE_FAILED'],
};

describe.each(Object.entries(TRANSPORTS))('bad input over %s', (_transport, ask) => {
  it.each(Object.entries(OVERSIZED))('refuses %s', async (_what, [query, code]) => {
    const before = edge.world.loginCount;
    const body = await ask(edge, query);
    expect(body.data ?? null).toBeNull();
    expect(codesOf(body)).toContain(code);
    expect(edge.world.loginCount).toBe(before);
  });

  it('says NOT_FOUND for ids of every wrong kind', async () => {
    const ids = [
      '',
      'nonsense',
      fakeId('usr'),
      fakeId('doc'),
      `doc_${'0'.repeat(25)}`,
      `doc_${'🙂'.repeat(13)}`,
    ];
    for (const id of ids) {
      for (const field of ['document', 'run', 'conversation', 'node']) {
        const body = await ask(edge, `query ($id: ID!) { ${field}(id: $id) { id } }`, { id });
        expect([field, id, body.data, codesOf(body)]).toEqual([field, id, { [field]: null }, ['NOT_FOUND']]);
      }
    }
  });

  it('tells cursors of another run from malformed ones', async () => {
    const run = edge.world.addRun();
    const other = encodeCursor(fakeId('run'), 3);
    const query =
      'subscription ($id: ID!, $after: Cursor) { runEvents(runId: $id, after: $after) { cursor } }';
    const cursors: readonly (readonly [unknown, string])[] = [
      [other, 'NOT_FOUND'],
      ['nonsense', 'BAD_USER_INPUT'],
      [`${encodeCursor(run.id, 3)}=`, 'BAD_USER_INPUT'],
      [Buffer.from(`${run.id}.-1`).toString('base64url'), 'BAD_USER_INPUT'],
      [Buffer.from(`${run.id}.99999999999999999999`).toString('base64url'), 'BAD_USER_INPUT'],
      [7, 'BAD_USER_INPUT'],
    ];
    for (const [after, code] of cursors) {
      if (ask === TRANSPORTS['HTTP']) {
        const list = 'query ($after: Cursor) { documents(after: $after) { pageInfo { hasNextPage } } }';
        expect(codesOf(await ask(edge, list, { after }))).toEqual([
          after === other ? 'NOT_FOUND' : 'BAD_USER_INPUT',
        ]);
      } else {
        expect([after, codesOf(await ask(edge, query, { id: run.id, after }))]).toEqual([after, [code]]);
      }
    }
  });

  it('takes exactly one source', async () => {
    const ingest =
      'mutation ($source: DocumentSourceInput!) { ingest(input: { source: $source }) { __typename } }';
    const sources = [
      { text: { content: 'a' }, url: 'https://example.com' },
      {},
      { url: null },
      { uploadId: null, url: 'https://example.com' },
    ];
    for (const source of sources) {
      expect(codesOf(await ask(edge, ingest, { source }))).toEqual(['BAD_USER_INPUT']);
    }
    const literal = 'mutation { ingest(input: { source: { url: "a", uploadId: "b" } }) { __typename } }';
    expect(codesOf(await ask(edge, literal))).toEqual(['GRAPHQL_VALIDATION_FAILED']);
  });

  it('refuses negative pages, long lists, odd metadata and NUL characters', async () => {
    expect(codesOf(await ask(edge, '{ documents(first: -1) { pageInfo { hasNextPage } } }'))).toEqual([
      'BAD_USER_INPUT',
    ]);
    const search = 'query ($input: SearchInput!) { search(input: $input) { passages { text } } }';
    const collectionIds = Array.from({ length: 101 }, () => fakeId('col'));
    expect(codesOf(await ask(edge, search, { input: { query: 'a', collectionIds } }))).toEqual([
      'BAD_USER_INPUT',
    ]);
    const many = Array.from({ length: 1_001 }, () => 'a');
    expect(codesOf(await ask(edge, search, { input: { query: 'a', filter: { a: many } } }))).toEqual([
      'LIMIT_EXCEEDED',
    ]);
    expect(codesOf(await ask(edge, search, { input: { query: 'a\0b' } }))).toEqual(['BAD_USER_INPUT']);
    const ingest = 'mutation ($input: IngestInput!) { ingest(input: $input) { __typename } }';
    const source = { text: { content: 'a' } };
    for (const metadata of [{ a: { b: 1 } }, { a: null }, { '': 1 }, { a: ['\0'] }]) {
      expect(codesOf(await ask(edge, ingest, { input: { source, metadata } }))).toEqual(['BAD_USER_INPUT']);
    }
  });

  it('never repeats what was submitted', async () => {
    const secret = 'hunter2-"; at "input.password"; Field "x" of required type "Y!" was not provided.';
    const inputs = [
      { email: EMAIL, password: secret, extra: secret },
      { email: { secret }, password: PASSWORD },
      { email: [secret], password: secret },
      { password: secret },
    ];
    for (const input of inputs) {
      const body = await ask(edge, 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }', {
        input,
      });
      expect(codesOf(body)).toEqual(['BAD_USER_INPUT']);
      expect(JSON.stringify(body)).not.toContain('hunter2');
      expect(JSON.stringify(body)).not.toContain(PASSWORD);
    }
    for (const query of [
      'mutation { login(input: { email: 5, password: "hunter2" }) { __typename } }',
      'mutation { login(input: "hunter2") { __typename } }',
      'mutation { login(input: { email: "a", password: "hunter2" } { __typename } "hunter2" }',
      '{ documents(first: "hunter2") { pageInfo { hasNextPage } } }',
      '{ documents(after: 5, first: hunter2) { pageInfo { hasNextPage } } }',
      'mutation { putMember(input: { email: "a", role: "hunter2" }) { __typename } }',
    ]) {
      expect(JSON.stringify((await ask(edge, query)).errors)).not.toContain('hunter2');
    }
  });

  it('hides the schema in production', async () => {
    const refused = await ask(production, '{ __schema { queryType { name } } }');
    expect(new Set(codesOf(refused))).toEqual(new Set(['GRAPHQL_VALIDATION_FAILED']));
    expect(refused.data ?? null).toBeNull();
    const hidden = await ask(production, '{ documens { edges { cursor } } }');
    expect(codesOf(hidden)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect(JSON.stringify(hidden)).not.toContain('Did you mean');
    const variables = { input: { emai: 'a', password: 'b', email: 'c' } };
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    expect(JSON.stringify(await ask(production, login, variables))).not.toContain('Did you mean');
    expect(JSON.stringify(await ask(edge, '{ documens { edges { cursor } } }'))).toContain('Did you mean');
  });

  it('masks what nobody expected, with an id to ask about', async () => {
    const { search } = edge.world.services.search;
    edge.world.services.search.search = async () => {
      throw new Error('connect ECONNREFUSED 10.0.0.5:5432 password=hunter2');
    };
    const body = await ask(edge, '{ search(input: { query: "x" }) { passages { text } } }');
    edge.world.services.search.search = search;
    expect(codesOf(body)).toEqual(['INTERNAL_SERVER_ERROR']);
    expect(body.errors?.[0]?.extensions['requestId']).toEqual(expect.any(String));
    expect(JSON.stringify(body)).not.toMatch(/hunter2|10\.0\.0\.5|ECONNREFUSED|stack/);
  });
});
