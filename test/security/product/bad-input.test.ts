import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient, RunEvent } from '../../../src/client/index.ts';
import { accessToken, codesOf, post, type RawAnswer } from '../../support/graphql.ts';
import { ScriptedOpenAi } from '../../support/scripted-openai.ts';
import { connect, TestSocket } from '../../support/sockets.ts';
import { DEMO, startTestSystem, type TestSystem } from '../../support/system.ts';

let system: TestSystem;
let client: MultiDbClient;
let token: string;
/** One of each kind, all of them real and ours. */
let real: Record<'document' | 'run' | 'conversation' | 'collection' | 'message', string>;
let cursors: Record<'run' | 'otherRun' | 'document', string>;

beforeAll(async () => {
  system = await startTestSystem();
  client = await system.client();
  token = await accessToken(system.url, DEMO.email, DEMO.password);
  const document = await client.ingest({ text: 'The lantern of the tower is green.' }).ready();
  const answer = client.ask('Which colour has the lantern?');
  const { run, conversation, userMessage } = await answer.sent;
  const [first] = await collect(answer);
  const [other] = await collect(client.ask('And the tower?'));
  const [progress] = await collect(client.documents.events(document.id));
  const { body } = await ask('{ collections { id } }');
  const [collection] = (body.data?.['collections'] ?? []) as { id: string }[];
  real = {
    document: document.id,
    run: run.id,
    conversation: conversation.id,
    collection: collection?.id ?? '',
    message: userMessage.id,
  };
  cursors = { run: first?.cursor ?? '', otherRun: other?.cursor ?? '', document: progress?.cursor ?? '' };
});
afterAll(() => system.close());

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}
const ask = (query: string, variables?: Readonly<Record<string, unknown>>): Promise<RawAnswer> =>
  post(system.url, query, variables, token);

/** Everything that an ingestion could leave behind. */
async function traces(): Promise<unknown> {
  const { edges } = await client.documents.list({ first: 100 });
  const blobs = await readdir(join(system.folder, 'blobs'), { recursive: true });
  return { documents: edges.map(({ node }) => node), blobs: blobs.sort() };
}
const INGEST = `mutation ($input: IngestInput!) { ingest(input: $input) {
  __typename ... on IngestSuccess { document { id } } ... on UserError { code message } } }`;
const ingest = (source: unknown) => ask(INGEST, { input: { source } });

describe('a source that cannot be taken in', () => {
  const refusals: readonly (readonly [string, unknown, string])[] = [
    ['an empty text', { text: { content: '' } }, 'UNSUPPORTED_DOCUMENT'],
    ['white space', { text: { content: ' \r\n\t ' } }, 'UNSUPPORTED_DOCUMENT'],
    ['NUL characters', { text: { content: '\0'.repeat(1_000) } }, 'UNSUPPORTED_DOCUMENT'],
    ['a NUL among words', { text: { content: 'before\0after' } }, 'UNSUPPORTED_DOCUMENT'],
    ['half a surrogate pair', { text: { content: 'half \ud83d of it' } }, 'UNSUPPORTED_DOCUMENT'],
    ['10 MB', { text: { content: 'x'.repeat(10_000_000) } }, 'DOCUMENT_TOO_LARGE'],
    [
      'an unknown media type',
      { text: { content: 'x', mediaType: 'application/x-unknown' } },
      'UNSUPPORTED_DOCUMENT',
    ],
    ['two sources at once', { text: { content: 'x' }, url: 'https://example.com/' }, 'BAD_USER_INPUT'],
    ['no source', {}, 'BAD_USER_INPUT'],
    ['a file of the server', { url: 'file:///etc/passwd' }, 'BAD_USER_INPUT'],
    ['an address inside', { url: 'http://127.0.0.1:1/' }, 'BAD_USER_INPUT'],
    ['no address at all', { url: 'not an address' }, 'BAD_USER_INPUT'],
    ['an upload that is not there', { uploadId: `upl_${randomUUID()}` }, 'NOT_FOUND'],
  ];
  it.each(refusals)('%s: is refused with a code and leaves nothing behind', async (_what, source, code) => {
    const before = await traces();
    const answer = await ingest(source);
    const outcome = answer.body.data?.['ingest'] as { code?: string; message?: string } | null | undefined;
    expect([...codesOf(answer), ...(outcome?.code ? [outcome.code] : [])]).toEqual([code]);
    expect(answer.status).toBeLessThan(500);
    expect(await traces()).toEqual(before);
  });

  it('more than a request may carry: is refused before it is read', async () => {
    const before = await traces();
    const answer = await ingest({ text: { content: 'x'.repeat(13_000_000) } });
    expect(answer.status).toBe(413);
    expect(codesOf(answer)).toEqual(['LIMIT_EXCEEDED']);
    expect(await traces()).toEqual(before);
  });
});

describe('an id of a wrong kind', () => {
  const takesId: Readonly<Record<string, readonly [keyof typeof real | 'none', string]>> = {
    document: ['document', 'query ($id: ID!) { document(id: $id) { id text } }'],
    run: ['run', 'query ($id: ID!) { run(id: $id) { id } }'],
    conversation: ['conversation', 'query ($id: ID!) { conversation(id: $id) { id } }'],
    deleteDocument: [
      'document',
      'mutation ($id: ID!) { deleteDocument(input: { documentId: $id }) { deletedDocumentId } }',
    ],
    retryDocument: [
      'document',
      'mutation ($id: ID!) { retryDocument(input: { documentId: $id }) { document { id } } }',
    ],
    cancelIngestion: [
      'document',
      'mutation ($id: ID!) { cancelIngestion(input: { documentId: $id }) { document { id } } }',
    ],
    stopRun: ['run', 'mutation ($id: ID!) { stopRun(input: { runId: $id }) { run { id } } }'],
    renameConversation: [
      'conversation',
      'mutation ($id: ID!) { renameConversation(input: { conversationId: $id, title: "x" }) { conversation { id } } }',
    ],
    sendMessage: [
      'conversation',
      'mutation ($id: ID!) { sendMessage(input: { text: "x", conversationId: $id }) { __typename } }',
    ],
    'sendMessage to a collection': [
      'collection',
      'mutation ($id: ID!) { sendMessage(input: { text: "x", collectionIds: [$id] }) { __typename } }',
    ],
    search: [
      'collection',
      'query ($id: ID!) { search(input: { query: "x", collectionIds: [$id] }) { passages { chunkId } } }',
    ],
    ingest: [
      'collection',
      'mutation ($id: ID!) { ingest(input: { source: { text: { content: "x" } }, collectionId: $id }) { __typename } }',
    ],
    switchWorkspace: [
      'none',
      'mutation ($id: ID!) { switchWorkspace(input: { workspaceId: $id }) { session { accessToken } } }',
    ],
    revokeApiKey: [
      'none',
      'mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { revokedApiKeyId } }',
    ],
  };
  const nonsense = ['', 'garbage', '1', "' OR 1=1 --", '\0', '../../etc/passwd', 'x'.repeat(5_000), '😀'];

  it.each(Object.entries(takesId))('is not found by %s', async (_field, [own, query]) => {
    const before = await traces();
    const others = Object.entries(real).filter(([kind]) => kind !== own);
    for (const id of [...others.map(([, id]) => id), ...nonsense]) {
      const answer = await ask(query, { id });
      expect([id, codesOf(answer)]).toEqual([id, ['NOT_FOUND']]);
    }
    expect(await traces()).toEqual(before);
  });

  it('is not found by subscriptions either', async () => {
    const socket = await connect(system.url, token);
    const streams = {
      runEvents: ['runId', real.document],
      documentEvents: ['documentId', real.run],
    } as const;
    for (const [field, [argument, id]] of Object.entries(streams)) {
      for (const wrong of [id, 'garbage', '']) {
        const operation = randomUUID();
        socket.subscribe(operation, `subscription ($id: ID!) { ${field}(${argument}: $id) { cursor } }`, {
          id: wrong,
        });
        const frames = await socket.untilEnd(operation);
        expect(JSON.stringify(frames)).toContain('NOT_FOUND');
      }
    }
    await socket.close();
  });
});

describe('a cursor from somewhere else', () => {
  it.each([
    ['another run', 'otherRun', 'runEvents(runId: $id, after: $after) { cursor }', 'run'],
    ['a document', 'document', 'runEvents(runId: $id, after: $after) { cursor }', 'run'],
    ['a run', 'run', 'documentEvents(documentId: $id, after: $after) { cursor }', 'document'],
  ] as const)('of %s is refused by a stream', async (_what, from, field, of) => {
    const socket = await connect(system.url, token);
    const variables = { id: real[of], after: cursors[from] };
    socket.subscribe('x', `subscription ($id: ID!, $after: Cursor) { ${field} }`, variables);
    const frames = await socket.untilEnd('x');
    expect(JSON.stringify(frames)).toContain('NOT_FOUND');
    await socket.close();
  });

  it.each(['documents', 'conversations'])('is refused by the list of %s', async (list) => {
    const query = `query ($after: Cursor) { ${list}(first: 1, after: $after) { edges { cursor } } }`;
    expect(codesOf(await ask(query, { after: cursors.run }))).toEqual(['NOT_FOUND']);
    for (const after of ['garbage', '', '\0', 'x'.repeat(5_000)]) {
      expect([after, codesOf(await ask(query, { after }))]).toEqual([after, ['BAD_USER_INPUT']]);
    }
  });
});

describe('an operation that asks for too much', () => {
  const login = (index: number) =>
    `a${index}: login(input: { email: "victim@example.com", password: "guess ${index}" }) { __typename }`;
  const logins = (count: number) =>
    `mutation { ${Array.from({ length: count }, (_, i) => login(i)).join(' ')} }`;

  it('a query 10,000 deep is refused on both transports, and the server lives', async () => {
    const deep = `{ ${'node(id: "x") { '.repeat(10_000)}${'}'.repeat(10_000)} }`;
    const answer = await ask(deep);
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['GRAPHQL_PARSE_FAILED']);
    const socket = await connect(system.url, token);
    socket.subscribe('x', deep);
    expect(await socket.untilEnd('x')).toMatchObject([{ type: 'error' }]);
    await socket.close();
    expect((await ask('{ me { email } }')).body.data).toEqual({ me: { email: DEMO.email } });
  });

  it('1,000 logins in one request are refused, and sixteen count as sixteen', async () => {
    expect((await post(system.url, logins(1_000))).body.data ?? null).toBeNull();
    expect(codesOf(await post(system.url, logins(17)))).toEqual(['LIMIT_EXCEEDED']);
    const { body } = await post(system.url, logins(16));
    const kinds = Object.values(body.data ?? {}).map(
      (outcome) => (outcome as { __typename: string }).__typename,
    );
    expect(kinds.filter((kind) => kind === 'InvalidCredentials')).toHaveLength(10);
    expect(kinds.filter((kind) => kind === 'TooManyAttempts')).toHaveLength(6);
    const again = await post(system.url, logins(1));
    expect(again.body.data).toMatchObject({ a0: { __typename: 'TooManyAttempts' } });
  });
});

describe('a socket that breaks the protocol', () => {
  it('is closed for a binary frame', async () => {
    const socket = await connect(system.url, token);
    socket.webSocket.send(Buffer.from([0, 1, 2, 255]));
    expect((await socket.closed).code).toBe(1003);
  });

  it('is closed for a subscription before connection_init', async () => {
    const socket = await new TestSocket(system.url).opened();
    socket.subscribe('x', 'subscription ($id: ID!) { runEvents(runId: $id) { cursor } }', { id: real.run });
    expect((await socket.closed).code).toBe(4401);
  });
});

describe('a token that expires in the middle of a stream', () => {
  const DELTAS = Array.from({ length: 160 }, (_, index) => `word${index} `);
  let model: ScriptedOpenAi;
  let hasty: TestSystem;
  beforeAll(async () => {
    model = await ScriptedOpenAi.start(() => ({ deltas: DELTAS, paceMs: 30 }));
    hasty = await startTestSystem({
      ACCESS_TOKEN_MS: '1500',
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
    });
  });
  afterAll(async () => {
    await hasty.close();
    await model.close();
  });

  it('closes the socket with 4403, while the SDK goes on without a loss', async () => {
    const own = await hasty.client();
    const answer = own.ask('hello');
    const { run } = await answer.sent;
    const short = await accessToken(hasty.url, DEMO.email, DEMO.password);
    const socket = await connect(hasty.url, short);
    socket.subscribe('x', 'subscription ($id: ID!) { runEvents(runId: $id) { cursor sequence } }', {
      id: run.id,
    });
    const [events, { code }] = await Promise.all([collect<RunEvent>(answer), socket.closed]);
    expect(code).toBe(4403);
    expect(codesOf(await post(hasty.url, '{ me { id } }', {}, short))).toEqual(['UNAUTHENTICATED']);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
    expect(events.at(-1)).toMatchObject({ finishReason: 'COMPLETED', message: { text: DELTAS.join('') } });
    own.close();
  });
});
