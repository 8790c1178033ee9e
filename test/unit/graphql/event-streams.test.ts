import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeServer, startEdge } from '../../support/edge-server.ts';
import { allEvents, openStream, readEvents } from '../../support/event-streams.ts';
import { FakeWorld, fakePrincipal } from '../../support/fake-services.ts';

const QUERY = `subscription Watch($id: ID!) { runEvents(runId: $id) {
  __typename sequence ... on TokenDelta { text } } }`;
const OPTIONS = { stallTimeoutMs: 300 };

let edge: EdgeServer;
beforeAll(async () => {
  edge = await startEdge(OPTIONS);
});
afterAll(() => edge.close());

describe('graphql over SSE', () => {
  it('streams a run and completes', async () => {
    const run = edge.world.addRun();
    edge.world.onWatch = (feed) => {
      feed.push({ type: 'RunStart', sequence: 0 }, { type: 'TokenDelta', text: 'Hé', sequence: 1 }).end();
    };
    const response = await openStream(edge.url, edge.world.token, {
      query: QUERY,
      variables: { id: run.id },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await allEvents(response)).toEqual([
      { event: 'next', data: { data: { runEvents: { __typename: 'RunStart', sequence: 0 } } } },
      { event: 'next', data: { data: { runEvents: { __typename: 'TokenDelta', sequence: 1, text: 'Hé' } } } },
      { event: 'complete', data: null },
    ]);
  });

  it('closes the feed when the client goes', async () => {
    const run = edge.world.addRun();
    edge.world.onWatch = (feed) => feed.push({ type: 'RunStart', sequence: 0 });
    const leaving = new AbortController();
    const response = await openStream(
      edge.url,
      edge.world.token,
      { query: QUERY, variables: { id: run.id } },
      leaving.signal,
    );
    const reader = readEvents(response);
    await reader.next();
    leaving.abort();
    await expect.poll(() => edge.world.runFeeds.at(-1)?.closed).toBe(true);
  });

  it('ends with an error event when the token expires, and when it is revoked', async () => {
    const run = edge.world.addRun();
    edge.world.onWatch = () => undefined;
    const expiring = edge.world.addToken(fakePrincipal({ expiresAt: Date.now() + 300 }));
    const revoked = edge.world.addToken(fakePrincipal());
    const variables = { id: run.id };
    const responses = await Promise.all(
      [expiring, revoked].map((token) => openStream(edge.url, token, { query: QUERY, variables })),
    );
    edge.world.revoke(revoked);
    for (const response of responses) {
      expect(await allEvents(response)).toMatchObject([
        { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
        { event: 'complete' },
      ]);
    }
  });

  it('tells clients to come back elsewhere when it shuts down', async () => {
    const closing = await startEdge(OPTIONS, new FakeWorld());
    const run = closing.world.addRun();
    const variables = { id: run.id };
    const response = await openStream(closing.url, closing.world.token, { query: QUERY, variables });
    await closing.close();
    expect(await allEvents(response)).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'SHUTTING_DOWN', retryable: true } }] } },
      { event: 'complete' },
    ]);
  });

  it('does not pull from the feed faster than the client reads', async () => {
    const run = edge.world.addRun();
    const text = 'x'.repeat(256 * 1024);
    edge.world.onWatch = (feed) => {
      for (let sequence = 0; sequence < 400; sequence += 1) feed.push({ type: 'TokenDelta', text, sequence });
      feed.end();
    };
    const response = await openStream(edge.url, edge.world.token, {
      query: QUERY,
      variables: { id: run.id },
    });
    // Nobody reads: the server must give up on the client, not hold 100 MB for it.
    await expect.poll(() => edge.world.runFeeds.at(-1)?.closed, { timeout: 10_000 }).toBe(true);
    await expect(allEvents(response)).rejects.toThrow();
  });
});
