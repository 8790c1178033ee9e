import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import { encodeCursor } from '../../../src/graphql/cursors.ts';
import { type EdgeServer, startEdge } from '../../support/edge-server.ts';
import { FakeWorld, fakeId, fakePrincipal } from '../../support/fake-services.ts';
import { connect, TestSocket } from '../../support/sockets.ts';

const WATCH = `subscription Watch($id: ID!, $after: Cursor) { runEvents(runId: $id, after: $after) {
  __typename cursor sequence ... on TokenDelta { text } ... on RunEnd { finishReason } } }`;
const OPTIONS = { operationsPerSocketMax: 3, socketsPerPrincipalMax: 2, stallTimeoutMs: 200 };

let edge: EdgeServer;
beforeAll(async () => {
  edge = await startEdge(OPTIONS);
});
afterAll(() => edge.close());

/** Another user of the same server, so that limits of one test do not touch the others. */
function anotherToken(overrides = {}): string {
  return edge.world.addToken(fakePrincipal(overrides));
}

describe('graphql over WebSocket', () => {
  it('streams a run: what was, then live, then completes', async () => {
    const run = edge.world.addRun();
    let watchedAfter = Number.NaN;
    edge.world.onWatch = (feed, _id, after) => {
      watchedAfter = after;
      feed.push({ type: 'RunStart', sequence: 4 }, { type: 'TokenDelta', text: 'He', sequence: 5 });
    };
    const socket = await connect(edge.url, anotherToken());
    socket.subscribe('a', WATCH, { id: run.id, after: encodeCursor(run.id, 3) });
    const first = await socket.nextText();
    expect(first).toBe(
      `{"id":"a","type":"next","payload":{"data":{"runEvents":{"__typename":"RunStart","cursor":"${encodeCursor(run.id, 4)}","sequence":4}}}}`,
    );
    expect(watchedAfter).toBe(3);
    expect(await socket.next()).toMatchObject({ payload: { data: { runEvents: { text: 'He' } } } });
    edge.world.runFeeds.at(-1)?.push({ type: 'RunEnd', finishReason: 'COMPLETED', sequence: 6 }).end();
    expect(await socket.next()).toMatchObject({
      payload: { data: { runEvents: { finishReason: 'COMPLETED' } } },
    });
    expect(await socket.next()).toEqual({ id: 'a', type: 'complete' });
    await socket.close();
  });

  it('streams document progress the ordinary way', async () => {
    const document = edge.world.addDocument();
    const socket = await connect(edge.url, anotherToken());
    socket.subscribe('d', 'subscription ($id: ID!) { documentEvents(documentId: $id) { stage progress } }', {
      id: document.id,
    });
    await expect.poll(() => edge.world.documentFeeds.length).toBeGreaterThan(0);
    edge.world.documentFeeds
      .at(-1)
      ?.push({ sequence: 0, version: 1, stage: 'done', status: 'READY', progress: 1, message: null })
      .end();
    expect(await socket.untilEnd('d')).toMatchObject([
      { type: 'next', payload: { data: { documentEvents: { stage: 'done', progress: 1 } } } },
      { type: 'complete' },
    ]);
    await socket.close();
  });

  it('runs queries and mutations too, and tells rate limits', async () => {
    const socket = await connect(edge.url, anotherToken());
    socket.subscribe('q', 'mutation { sendMessage(input: { text: "Hi" }) { __typename } }');
    expect(await socket.next()).toMatchObject({
      payload: {
        data: { sendMessage: { __typename: 'SendMessageSuccess' } },
        extensions: { rateLimit: { remaining: 119 } },
      },
    });
    await socket.close();
  });

  it('closes the feed when the client completes, and when the socket goes', async () => {
    edge.world.onWatch = () => undefined;
    const run = edge.world.addRun();
    const socket = await connect(edge.url, anotherToken());
    for (const id of ['a', 'b']) socket.subscribe(id, WATCH, { id: run.id });
    const before = edge.world.runFeeds.length;
    await expect
      .poll(() => edge.world.runFeeds.filter((feed) => feed.nextCount > 0 && !feed.closed).length)
      .toBe(2);
    socket.send({ id: 'a', type: 'complete' });
    await expect
      .poll(() => edge.world.runFeeds.filter((feed) => !feed.closed && feed.nextCount > 0).length)
      .toBe(1);
    await socket.close();
    await expect
      .poll(() => edge.world.runFeeds.filter((feed) => !feed.closed && feed.nextCount > 0).length)
      .toBe(0);
    expect(edge.world.runFeeds.length).toBeGreaterThanOrEqual(before);
  });

  it('gives a failing feed as a masked error', async () => {
    edge.world.onWatch = (feed) =>
      feed.fail(new DomainError('STORE_UNAVAILABLE', 'The event log is out of reach.'));
    const run = edge.world.addRun();
    const socket = await connect(edge.url, anotherToken());
    socket.subscribe('a', WATCH, { id: run.id });
    expect(await socket.next()).toMatchObject({
      type: 'error',
      payload: [
        {
          message: 'The event log is out of reach.',
          extensions: { code: 'STORE_UNAVAILABLE', retryable: true },
        },
      ],
    });
    await socket.close();
  });

  it('limits the operations of a socket and the sockets of a user', async () => {
    edge.world.onWatch = () => undefined;
    const token = anotherToken();
    const run = edge.world.addRun();
    const socket = await connect(edge.url, token);
    for (const id of ['1', '2', '3', '4']) socket.subscribe(id, WATCH, { id: run.id });
    expect(await socket.next()).toMatchObject({
      id: '4',
      type: 'error',
      payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
    const second = await connect(edge.url, token);
    const third = await new TestSocket(edge.url).opened();
    third.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    expect(await third.closed).toMatchObject({ code: 1013 });
    await socket.close();
    await second.close();
  });

  it('closes with 4403 when the token expires, and when it is revoked', async () => {
    const expiring = await connect(edge.url, anotherToken({ expiresAt: Date.now() + 300 }));
    expect(await expiring.closed).toMatchObject({ code: 4403 });
    const token = anotherToken();
    const revoked = await connect(edge.url, token);
    edge.world.revoke(token);
    expect(await revoked.closed).toMatchObject({ code: 4403 });
  });

  it('cuts off a reader that does not read, to come back with its cursor', async () => {
    const stalling = await startEdge({ ...OPTIONS, socketBufferedBytesMax: 1_024 }, new FakeWorld());
    const run = stalling.world.addRun();
    const text = 'x'.repeat(64 * 1024);
    stalling.world.onWatch = (feed) => {
      for (let sequence = 0; sequence < 400; sequence += 1) feed.push({ type: 'TokenDelta', text, sequence });
    };
    const socket = await connect(stalling.url, stalling.world.token);
    socket.webSocket.pause();
    socket.subscribe('a', WATCH, { id: run.id });
    await expect.poll(() => stalling.world.runFeeds[0]?.closed, { timeout: 10_000 }).toBe(true);
    socket.webSocket.resume();
    expect(await socket.closed).toMatchObject({ code: 1013 });
    // What arrived is a dense prefix: nothing lost, nothing doubled.
    const sequences = socket.texts.slice(1).map((frame) => JSON.parse(frame).payload.data.runEvents.sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index));
    expect(sequences.length).toBeLessThan(400);
    await stalling.close();
  });

  it('takes no new sockets or streams while it drains; those that are open see their answers end', async () => {
    const draining = await startEdge(OPTIONS, new FakeWorld());
    const run = draining.world.addRun();
    const socket = await connect(draining.url, draining.world.token);
    socket.subscribe('a', WATCH, { id: run.id });
    await expect.poll(() => draining.world.runFeeds.length).toBe(1);
    draining.server.drain();
    expect((await fetch(`${draining.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${draining.url}/health/live`)).status).toBe(200);
    await expect(connect(draining.url, draining.world.token)).rejects.toThrow();
    const stream = await fetch(`${draining.url}/graphql/stream`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        authorization: `Bearer ${draining.world.token}`,
      },
      body: JSON.stringify({ query: WATCH, variables: { id: run.id } }),
    });
    expect(stream.status).toBe(503);
    expect(await stream.json()).toMatchObject({
      errors: [{ extensions: { code: 'SHUTTING_DOWN', retryable: true } }],
    });
    expect((await draining.ask('{ me { id } }')).headers.get('connection')).toBe('close');
    draining.world.runFeeds[0]?.push({ type: 'RunEnd', finishReason: 'COMPLETED', sequence: 0 }).end();
    expect(await socket.untilEnd('a')).toMatchObject([
      { payload: { data: { runEvents: { finishReason: 'COMPLETED' } } } },
      { type: 'complete' },
    ]);
    await draining.close();
  });

  it('tells clients to come back elsewhere when it shuts down', async () => {
    const closing = await startEdge(OPTIONS, new FakeWorld());
    const run = closing.world.addRun();
    const socket = await connect(closing.url, closing.world.token);
    socket.subscribe('a', WATCH, { id: run.id });
    await expect.poll(() => closing.world.runFeeds.length).toBe(1);
    await closing.close();
    expect(await socket.closed).toMatchObject({ code: 1001 });
    expect(closing.world.runFeeds[0]?.closed).toBe(true);
  });

  it('says NOT_FOUND for runs that are not there', async () => {
    const socket = await connect(edge.url, anotherToken());
    socket.subscribe('a', WATCH, { id: fakeId('run') });
    expect(await socket.untilEnd('a')).toMatchObject([
      { payload: { errors: [{ extensions: { code: 'NOT_FOUND' } }] } },
      { type: 'complete' },
    ]);
    await socket.close();
  });
});
