import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeServer, type GraphqlBody, startEdge } from '../support/edge-server.ts';
import { openStream } from '../support/event-streams.ts';
import { fakeId, fakePrincipal } from '../support/fake-services.ts';
import { connect, TestSocket } from '../support/sockets.ts';

const LIMITS = { initTimeoutMs: 200, frameBytesMax: 64 * 1024, requestBytesMax: 256 * 1024 };

let edge: EdgeServer;
beforeAll(async () => {
  edge = await startEdge(LIMITS);
});
afterAll(() => edge.close());

const token = () => edge.world.addToken(fakePrincipal());

async function post(path: string, init: RequestInit): Promise<{ status: number; body: GraphqlBody }> {
  const response = await fetch(`${edge.url}${path}`, { method: 'POST', ...init });
  return { status: response.status, body: (await response.json()) as GraphqlBody };
}

describe('a WebSocket', () => {
  it('refuses every subprotocol but graphql-transport-ws', async () => {
    // This client gives up by itself when its protocol is not among those accepted.
    expect(await new TestSocket(edge.url, 'graphql-ws').closed).toMatchObject({ code: 1006 });
    expect(await new TestSocket(edge.url, []).closed).toMatchObject({ code: 4406 });
  });

  it('must begin with connection_init, once, in time, and with a credential', async () => {
    const early = await new TestSocket(edge.url).opened();
    early.subscribe('a', '{ me { id } }');
    expect(await early.closed).toMatchObject({ code: 4401 });

    const silent = await new TestSocket(edge.url).opened();
    expect(await silent.closed).toMatchObject({ code: 4408 });

    const twice = await connect(edge.url, token());
    twice.send({ type: 'connection_init' });
    expect(await twice.closed).toMatchObject({ code: 4429 });

    const anonymous = await new TestSocket(edge.url).opened();
    anonymous.send({ type: 'connection_init' });
    expect(await anonymous.closed).toMatchObject({ code: 4401 });

    const stranger = await new TestSocket(edge.url).opened();
    stranger.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } });
    expect(await stranger.closed).toMatchObject({ code: 4403 });
  });

  it('takes the credential under any spelling of its name', async () => {
    for (const name of ['authorization', 'Authorization', 'AUTHORIZATION']) {
      const socket = await new TestSocket(edge.url).opened();
      socket.send({ type: 'connection_init', payload: { [name]: `Bearer ${token()}` } });
      expect(await socket.next()).toEqual({ type: 'connection_ack' });
      await socket.close();
    }
  });

  it('is closed for binary, oversized and unreadable frames, and for an id used twice', async () => {
    const binary = await connect(edge.url, token());
    binary.webSocket.send(Buffer.from('{"type":"ping"}'));
    expect(await binary.closed).toMatchObject({ code: 1003 });

    const large = await connect(edge.url, token());
    large.webSocket.send('x'.repeat(LIMITS.frameBytesMax + 1));
    expect(await large.closed).toMatchObject({ code: 1009 });

    for (const frame of ['not json', '{"type":"subscribe"}', '[]', '{"type":"nonsense"}']) {
      const socket = await connect(edge.url, token());
      socket.webSocket.send(frame);
      expect(await socket.closed).toMatchObject({ code: 4400 });
    }

    const run = edge.world.addRun();
    const same = await connect(edge.url, token());
    for (let i = 0; i < 2; i += 1)
      same.subscribe('a', `subscription { runEvents(runId: "${run.id}") { cursor } }`);
    expect(await same.closed).toMatchObject({ code: 4409 });
  });

  it('lives on /graphql only', async () => {
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/elsewhere`, 'graphql-transport-ws');
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(404);
  });

  it('outlives nonsense of its neighbours', async () => {
    expect((await edge.ask('{ me { email } }')).body.errors).toBeUndefined();
  });
});

describe('a request', () => {
  const json = { 'content-type': 'application/json' };
  const me = JSON.stringify({ query: '{ me { id } }' });

  it('cannot come from a form of another site', async () => {
    for (const contentType of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      for (const path of ['/graphql', '/graphql/stream']) {
        const headers = { 'content-type': contentType, accept: 'text/event-stream, application/json' };
        const { status, body } = await post(path, { headers, body: me });
        expect([path, contentType, status]).toEqual([path, contentType, 415]);
        expect(body.errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
      }
    }
    const bare = await fetch(`${edge.url}/graphql?query=%7B__typename%7D`);
    expect(bare.status).toBe(400);
    expect(((await bare.json()) as GraphqlBody).errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });

  it('gets no CORS permission unless the origin is allowed', async () => {
    const options = {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    };
    expect(
      (await fetch(`${edge.url}/graphql`, options)).headers.get('access-control-allow-origin'),
    ).toBeNull();
    const open = await startEdge({ allowedOrigins: ['https://app.example'] });
    const allowed = await fetch(`${open.url}/graphql`, options);
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://app.example',
    ]);
    const other = await fetch(`${open.url}/graphql`, {
      ...options,
      headers: { origin: 'https://evil.example' },
    });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    await open.close();
  });

  it('is refused, typed, when it is too large', async () => {
    const body = JSON.stringify({
      query: '{ me { id } }',
      variables: { a: 'x'.repeat(LIMITS.requestBytesMax) },
    });
    const headers = { ...json, authorization: `Bearer ${token()}` };
    const signedIn = await post('/graphql', { headers, body });
    expect([signedIn.status, signedIn.body.errors?.[0]?.extensions.code]).toEqual([413, 'LIMIT_EXCEEDED']);
    const unknown = await post('/graphql', { headers: json, body: body.slice(0, 100_000) });
    expect([unknown.status, unknown.body.errors?.[0]?.extensions.code]).toEqual([413, 'LIMIT_EXCEEDED']);
  });

  it('is refused, typed, when it cannot be read', async () => {
    for (const body of [
      '',
      '{',
      '[]',
      '"text"',
      'null',
      '{}',
      '{"query": 5}',
      '{"query":"{me{id}}","variables":5}',
    ]) {
      for (const path of ['/graphql', '/graphql/stream']) {
        const headers = { ...json, accept: path === '/graphql' ? 'application/json' : 'text/event-stream' };
        const answer = await post(path, { headers, body });
        expect([path, body, answer.status]).toEqual([path, body, 400]);
        expect(answer.body.errors?.[0]?.extensions.code).toMatch(/BAD_REQUEST|BAD_USER_INPUT/);
      }
    }
  });

  it('asks for streams where streams are', async () => {
    const { status, body } = await post('/graphql/stream', { headers: json, body: me });
    expect([status, body.errors?.[0]?.extensions.code]).toEqual([406, 'BAD_REQUEST']);
    const subscription = await edge.ask(`subscription { runEvents(runId: "${fakeId('run')}") { cursor } }`);
    expect([subscription.status, subscription.body.errors?.[0]?.extensions.code]).toEqual([
      400,
      'BAD_REQUEST',
    ]);
    const mutation = encodeURIComponent('mutation { logout { loggedOut } }');
    const byGet = await fetch(`${edge.url}/graphql/stream?query=${mutation}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${token()}` },
    });
    expect(await byGet.text()).toContain('BAD_USER_INPUT');
  });

  it('learns nothing about paths that do not exist, and nothing is cached that should not be', async () => {
    const missing = await fetch(`${edge.url}/admin`);
    expect([missing.status, ((await missing.json()) as GraphqlBody).errors?.[0]?.extensions.code]).toEqual([
      404,
      'NOT_FOUND',
    ]);
    expect(missing.headers.get('x-powered-by')).toBeNull();
    expect(missing.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('says so when the store of sessions is out of reach, instead of treating the caller as a stranger', async () => {
    const { DomainError } = await import('../../src/domain/errors.ts');
    const down = await startEdge();
    down.world.services.identity.authenticate = async () => {
      throw new DomainError('STORE_UNAVAILABLE', 'Sessions cannot be checked.');
    };
    const { status, body } = await down.ask('{ me { id } }');
    expect([status, body.errors?.[0]?.extensions]).toMatchObject([
      503,
      { code: 'STORE_UNAVAILABLE', retryable: true },
    ]);
    const socket = await new TestSocket(down.url).opened();
    socket.send({ type: 'connection_init', payload: { authorization: 'Bearer x' } });
    expect(await socket.closed).toMatchObject({ code: 1013 });
    const stream = await openStream(down.url, 'x', { query: '{ me { id } }' });
    expect(stream.status).toBe(503);
    await down.close();
  });
});
