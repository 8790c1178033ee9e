import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeServer, startEdge } from '../../support/edge-server.ts';
import { EMAIL, PASSWORD } from '../../support/fake-services.ts';

let edge: EdgeServer;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

const LOGIN = `mutation Login($input: LoginInput!) { login(input: $input) {
  __typename
  ... on LoginSuccess { accessToken expiresAt user { id email memberships { role workspace { id } } } workspace { id usage { messages } } }
  ... on UserError { code message }
} }`;

describe('graphql over http', () => {
  it('logs in without a token and resolves what hangs below the new session', async () => {
    const { status, body } = await edge.ask(LOGIN, { input: { email: EMAIL, password: PASSWORD } }, {});
    expect(status).toBe(200);
    expect(body.errors).toBeUndefined();
    expect(body.data?.['login']).toMatchObject({
      __typename: 'LoginSuccess',
      accessToken: edge.world.token,
      user: { email: EMAIL, memberships: [{ role: 'OWNER' }] },
      workspace: { usage: { messages: 1 } },
    });
  });

  it('gives wrong credentials as data', async () => {
    const { body } = await edge.ask(LOGIN, { input: { email: EMAIL, password: 'no' } }, {});
    expect(body.data?.['login']).toMatchObject({
      __typename: 'InvalidCredentials',
      code: 'INVALID_CREDENTIALS',
    });
  });

  it('refuses everything else without a valid credential', async () => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      const { body } = await edge.ask('{ me { email } }', {}, headers as Record<string, string>);
      expect(body.data).toBeNull();
      expect(body.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
      expect(body.errors?.[0]?.extensions['requestId']).toEqual(expect.any(String));
    }
  });

  it('tells the rate limit of sendMessage in the extensions', async () => {
    const { body } = await edge.ask(
      'mutation { sendMessage(input: { text: "Hi" }) { ... on SendMessageSuccess { run { id status } } } }',
    );
    expect(body.errors).toBeUndefined();
    expect(body.extensions).toEqual({ rateLimit: { limit: 120, remaining: 119, resetMs: 501 } });
  });

  it('pages with opaque cursors', async () => {
    for (let i = 0; i < 3; i += 1) edge.world.addDocument({ title: `Page ${i}` });
    const query = `query ($after: Cursor) { documents(first: 2, after: $after) {
      edges { cursor node { id title } } pageInfo { endCursor hasNextPage } } }`;
    const first = (await edge.ask(query)).body.data?.['documents'] as Page;
    expect(first.edges).toHaveLength(2);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = (await edge.ask(query, { after: first.pageInfo.endCursor })).body.data?.[
      'documents'
    ] as Page;
    expect(second.edges).toHaveLength(1);
    expect(second.pageInfo.hasNextPage).toBe(false);
  });

  it('masks what nobody expected, and logs it once', async () => {
    const before = edge.lines.length;
    const { search } = edge.world.services.search;
    edge.world.services.search.search = async () => {
      throw new Error('password is hunter2');
    };
    const { status, body } = await edge.ask('{ search(input: { query: "x" }) { passages { text } } }');
    edge.world.services.search.search = search;
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(body.errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR');
    const logged = edge.lines.slice(before).filter(({ level }) => level === 'error');
    expect(logged).toHaveLength(1);
    expect(logged[0]?.['requestId']).toBe(body.errors?.[0]?.extensions['requestId']);
  });

  it('writes one line a request, without content', async () => {
    const before = edge.lines.length;
    await edge.ask('query Who { me { email } }');
    await expect.poll(() => edge.lines.length).toBeGreaterThan(before);
    const lines = edge.lines.slice(before).filter(({ message }) => message === 'request');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      method: 'POST',
      path: '/graphql',
      status: 200,
      userId: edge.world.principal.userId,
    });
    expect(JSON.stringify(lines)).not.toContain(edge.world.token);
  });

  it('streams uploads to the service', async () => {
    const { body } = await edge.ask(
      'mutation { createUpload(input: { fileName: "a.pdf", mediaType: "application/pdf", size: 3 }) { ... on CreateUploadSuccess { url uploadId } } }',
    );
    const created = body.data?.['createUpload'] as { url: string; uploadId: string };
    expect(created.url.startsWith(edge.url)).toBe(true);
    const put = await fetch(created.url, { method: 'PUT', body: new Uint8Array([1, 2, 3]) });
    expect(put.status).toBe(204);
    expect(edge.world.received).toContainEqual({ uploadId: created.uploadId, bytes: 3 });
    const unsigned = await fetch(`${edge.url}/uploads/${created.uploadId}`, { method: 'PUT', body: 'x' });
    expect(unsigned.status).toBe(403);
  });

  it('refuses what arrives while it closes, so that a client knows to try again', async () => {
    const closing = await startEdge();
    const { port } = new URL(closing.url);
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += String(data);
    });
    // A request that is half there keeps its connection open.
    socket.write('POST /graphql HTTP/1.1\r\nhost: x\r\n');
    await fetch(`${closing.url}/health/live`);
    const closed = closing.close();
    const body = '{"query":"{ me { id } }"}';
    socket.write(`content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await once(socket, 'close');
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    const { errors } = JSON.parse(answer.slice(answer.indexOf('{')));
    expect(errors[0].extensions).toMatchObject({ code: 'SHUTTING_DOWN', retryable: true });
  });

  it('answers health checks', async () => {
    expect((await fetch(`${edge.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${edge.url}/health/ready`)).status).toBe(200);
  });
});

interface Page {
  readonly edges: readonly unknown[];
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
}
