import { afterEach, describe, expect, test } from 'vitest';
import {
  MultiDbClient,
  type MultiDbClientOptions,
  type Tokens,
  webTokenStore,
} from '../../../src/client/index.ts';
import { firstAfter, newSession, RUN, SENT, sendEvents } from './scripted-run.ts';
import { type Post, type Reply, ScriptedServer } from './scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** `answer` is asked first; what it leaves open gets the everyday reply. */
async function setUp(
  answer: (post: Post) => Reply | undefined = () => undefined,
  options: Partial<MultiDbClientOptions> = {},
) {
  const server = await ScriptedServer.start({
    post: (post) => answer(post) ?? everyday(post),
    subscribe: (subscribe) => sendEvents(subscribe, firstAfter(subscribe)),
  });
  servers.push(server);
  const newClient = (more: Partial<MultiDbClientOptions> = {}) =>
    new MultiDbClient({ url: server.url, retry: { firstDelayMs: 1, delayMaxMs: 2 }, ...options, ...more });
  return { server, client: newClient(), newClient };
}

function everyday({ operation }: Post): Reply {
  const data = {
    Login: { login: newSession() },
    SignUp: { signUp: newSession() },
    RefreshSession: { refreshSession: newSession() },
    Me: { me: { id: 'user', email: 'test@example.com', memberships: [] } },
    Logout: { logout: { loggedOut: true } },
    SendMessage: SENT,
  }[operation];
  return data ? { body: { data } } : { status: 500, body: {} };
}

const failure = (code: string, more: object = {}): Reply => ({
  body: { errors: [{ message: 'no', extensions: { code, ...more } }] },
});
const operations = ({ posts }: ScriptedServer) => posts.map(({ operation }) => operation);
const logIn = (client: MultiDbClient) => client.login('test@example.com', 'testpassword123');

describe('signing in', () => {
  test('sends the token from then on, and not after logging out', async () => {
    const { server, client } = await setUp();
    expect(await logIn(client)).toEqual({
      user: { id: 'user', email: 'test@example.com' },
      workspace: { id: 'workspace', name: 'Demo' },
    });
    await client.me();
    await client.logout();
    await client.me();
    const [login, me, logout, anonymous] = server.posts.map(({ authorization }) => authorization);
    expect([login, anonymous]).toEqual([undefined, undefined]);
    expect(me).toMatch(/^Bearer access-/);
    expect(logout).toBe(me);
  });

  test.each([
    ['InvalidCredentials', 'INVALID_CREDENTIALS', undefined],
    ['TooManyAttempts', 'TOO_MANY_ATTEMPTS', 1_500],
  ])('throws %s', async (__typename, code, retryAfterMs) => {
    const { client } = await setUp(({ operation }) =>
      operation === 'Login'
        ? { body: { data: { login: { __typename, code, message: 'no', retryAfterMs } } } }
        : undefined,
    );
    await expect(logIn(client)).rejects.toMatchObject({ name: 'MultiDbError', code, retryAfterMs });
  });

  test('is not repeated when its answer is lost', async () => {
    const { server, client } = await setUp(() => 'drop');
    await expect(logIn(client)).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
    expect(operations(server)).toEqual(['Login']);
  });

  test('as an API key needs no tokens', async () => {
    const { server, client } = await setUp();
    client.useApiKey('mdk_test');
    await client.me();
    expect(server.posts[0]?.authorization).toBe('Bearer mdk_test');
  });
});

describe('tokens', () => {
  test('are refreshed before they run out, once for all requests', async () => {
    const { server, client } = await setUp(({ operation }) =>
      operation === 'Login' ? { body: { data: { login: newSession(30_500) } } } : undefined,
    );
    await logIn(client);
    await expect
      .poll(async () => {
        await Promise.all([client.me(), client.me(), client.me()]);
        return operations(server).filter((operation) => operation === 'RefreshSession').length;
      })
      .toBe(1);
    await client.me();
    expect(operations(server).filter((operation) => operation === 'RefreshSession')).toHaveLength(1);
  });

  test('that a wrong clock takes for expired are not refreshed before each request', async () => {
    const { server, client } = await setUp(({ operation }) =>
      operation === 'Login' ? { body: { data: { login: newSession(-3_600_000) } } } : undefined,
    );
    await logIn(client);
    await client.me();
    await client.me();
    expect(operations(server)).toEqual(['Login', 'Me', 'Me']);
  });

  test('that are refused are renewed once, and the request is sent again', async () => {
    let current: string | undefined;
    const { server, client } = await setUp(({ operation, authorization }) => {
      if (operation === 'RefreshSession') {
        const session = newSession();
        current = `Bearer ${session.accessToken}`;
        return { body: { data: { refreshSession: session } } };
      }
      return operation === 'Me' && authorization !== current ? failure('UNAUTHENTICATED') : undefined;
    });
    await logIn(client);
    await Promise.all([client.me(), client.me()]);
    expect(operations(server).filter((operation) => operation === 'RefreshSession')).toHaveLength(1);
    expect(operations(server).filter((operation) => operation === 'Me')).toHaveLength(4);
  });

  test('refused again after that are an error', async () => {
    const { server, client } = await setUp(({ operation }) =>
      operation === 'Me' ? failure('UNAUTHENTICATED') : undefined,
    );
    await logIn(client);
    await expect(client.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(operations(server)).toEqual(['Login', 'Me', 'RefreshSession', 'Me']);
  });

  test('of an ended session are forgotten', async () => {
    const { server, client } = await setUp(({ operation }) => {
      if (operation === 'Me') return failure('UNAUTHENTICATED');
      const ended = { __typename: 'InvalidCredentials', code: 'INVALID_CREDENTIALS', message: 'no' };
      return operation === 'RefreshSession' ? { body: { data: { refreshSession: ended } } } : undefined;
    });
    await logIn(client);
    await expect(client.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(client.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(operations(server)).toEqual(['Login', 'Me', 'RefreshSession', 'Me']);
    expect(server.posts[3]?.authorization).toBeUndefined();
  });

  test('survive in a store, and two clients that share it refresh once', async () => {
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
      removeItem: (key: string) => void items.delete(key),
    } as Storage;
    let expired: string | undefined;
    const { server, newClient } = await setUp(({ operation, authorization }) =>
      operation === 'Me' && authorization === expired ? failure('UNAUTHENTICATED') : undefined,
    );
    await logIn(newClient({ tokenStore: webTokenStore(storage) }));
    const tokens = () => JSON.parse(items.get('multidb.tokens') ?? '') as Tokens;
    expired = `Bearer ${tokens().accessToken}`;
    const tabs = [1, 2].map(() => newClient({ tokenStore: webTokenStore(storage) }));
    await Promise.all(tabs.map((tab) => tab.me()));
    expect(operations(server).filter((operation) => operation === 'RefreshSession')).toHaveLength(1);
    expect(tokens().accessToken).not.toBe(expired.slice('Bearer '.length));
    await tabs[0]?.logout();
    expect(items.size).toBe(0);
  });

  test('that are no tokens are not read from a store', async () => {
    for (const stored of ['', '{', 'null', '[]', '{"accessToken":1}']) {
      const store = webTokenStore({ getItem: () => stored } as unknown as Storage);
      expect(await store.load()).toBeUndefined();
    }
  });
});

describe('a message', () => {
  test('whose answer is lost is sent again under the same key', async () => {
    let failures = 2;
    const { server, client } = await setUp(({ operation }) => {
      if (operation !== 'SendMessage' || failures === 0) return undefined;
      failures -= 1;
      return failures === 1 ? 'drop' : failure('STORE_UNAVAILABLE', { retryable: true });
    });
    const { run } = await client.ask('Which?', { conversationId: 'c' }).sent;
    expect(run.id).toBe('run');
    const inputs = server.posts.map(({ variables }) => variables.input);
    expect(inputs).toHaveLength(3);
    expect(new Set(inputs.map((input) => JSON.stringify(input))).size).toBe(1);
    expect(inputs[0]).toMatchObject({
      text: 'Which?',
      conversationId: 'c',
      idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test('asked twice is two messages, unless they share a key', async () => {
    const { server, client } = await setUp();
    await Promise.all([client.ask('Which?').sent, client.ask('Which?').sent]);
    await Promise.all([1, 2].map(() => client.ask('Which?', { idempotencyKey: 'mine' }).sent));
    const keys = server.posts.map(
      ({ variables }) => (variables.input as { idempotencyKey: string }).idempotencyKey,
    );
    expect(new Set(keys).size).toBe(3);
  });

  test('gives its whole answer, and can be read twice', async () => {
    const { server, client } = await setUp();
    const answer = client.ask('Which?');
    const end = RUN.at(-1);
    if (end?.__typename !== 'RunEnd') throw new Error('the run has no end');
    const whole = { text: end.message.text, citations: [], finishReason: 'COMPLETED' };
    expect(await answer.finished()).toEqual(whole);
    expect(await answer.finished()).toEqual(whole);
    expect(operations(server)).toEqual(['SendMessage']);
  });

  test.each([
    [
      'a typed failure',
      {
        body: {
          data: { sendMessage: { __typename: 'QuotaExceeded', code: 'QUOTA_EXCEEDED', message: 'no' } },
        },
      },
      { code: 'QUOTA_EXCEEDED' },
    ],
    [
      'a rate limit',
      failure('RATE_LIMITED', { retryable: true, retryAfterMs: 700, requestId: 'r1' }),
      { code: 'RATE_LIMITED', retryAfterMs: 700, requestId: 'r1' },
    ],
  ] as const)('refused by %s throws it, wherever it is awaited', async (_what, reply, expected) => {
    const { server, client } = await setUp(({ operation }) =>
      operation === 'SendMessage' ? reply : undefined,
    );
    const answer = client.ask('Which?');
    await expect(answer.finished()).rejects.toMatchObject(expected);
    await expect(answer.sent).rejects.toMatchObject(expected);
    expect(operations(server)).toEqual(['SendMessage']);
  });
});

describe('an answer that is none', () => {
  test.each([
    ['an array', '[]', 200, 'BAD_RESPONSE'],
    ['no data', '{}', 200, 'BAD_RESPONSE'],
    ['a web page', '<html>', 404, 'BAD_RESPONSE'],
    ['a gateway that gave up', '<html>', 502, 'NETWORK'],
    ['a gateway that says so in JSON', '{"statusCode":503,"error":"Service Unavailable"}', 503, 'NETWORK'],
    ['JSON of something else', '{"hello":1}', 200, 'BAD_RESPONSE'],
    ['errors of no known shape', '{"errors":[42]}', 200, 'INTERNAL_SERVER_ERROR'],
  ])('%s', async (_what, body, status, code) => {
    const client = new MultiDbClient({
      url: 'http://multidb.test',
      fetch: async () => new Response(body, { status }),
      retry: { firstDelayMs: 1, delayMaxMs: 1 },
    });
    await expect(client.me()).rejects.toMatchObject({ name: 'MultiDbError', code });
  });

  test('but a deadline passed', async () => {
    const client = new MultiDbClient({
      url: 'http://multidb.test',
      fetch: (_url, { signal }) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      timeoutMs: 1,
      retry: { attemptCountMax: 0 },
    });
    await expect(client.me()).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('in time'),
    });
  });
});

test.each([
  ['http://multidb.test', 'http://multidb.test/graphql'],
  ['http://multidb.test/', 'http://multidb.test/graphql'],
  ['https://multidb.test/base/', 'https://multidb.test/base/graphql'],
  ['https://multidb.test/graphql?x=1#y', 'https://multidb.test/graphql'],
])('the server at %s is asked at %s', async (url, expected) => {
  const asked: string[] = [];
  const client = new MultiDbClient({
    url,
    fetch: async (input) => {
      asked.push(input);
      return Response.json({ data: { me: null } });
    },
  });
  await client.me();
  expect(asked).toEqual([expected]);
});

test('an address that is none is refused when the client is made', () => {
  for (const url of ['ftp://multidb.test', 'nonsense', '']) {
    expect(() => new MultiDbClient({ url })).toThrow(TypeError);
  }
});
