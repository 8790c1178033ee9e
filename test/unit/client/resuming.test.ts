import { afterEach, describe, expect, test } from 'vitest';
import { MultiDbClient, MultiDbError, type RunEvent } from '../../../src/client/index.ts';
import { ANSWER, firstAfter, newSession, RUN, SENT, sendEvents } from './scripted-run.ts';
import { type Post, type Reply, ScriptedServer, type Subscribe } from './scripted-server.ts';

const FAST = { firstDelayMs: 1, delayMaxMs: 5 };
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const closable of open.splice(0).reverse()) await closable.close();
});

async function setUp(
  subscribe: (request: Subscribe) => void,
  more: {
    post?: (request: Post) => Reply;
    acknowledge?: (index: number) => boolean;
    attemptCountMax?: number;
  } = {},
) {
  const server = await ScriptedServer.start({
    subscribe,
    post: more.post ?? (() => ({ body: { data: SENT } })),
    ...(more.acknowledge && { acknowledge: more.acknowledge }),
  });
  const retry = { ...FAST, attemptCountMax: more.attemptCountMax ?? 20 };
  const client = new MultiDbClient({ url: server.url, retry });
  open.push(server, client);
  return { server, client };
}

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const collected: RunEvent[] = [];
  for await (const event of events) collected.push(event);
  return collected;
}
const textOf = (events: readonly RunEvent[]) =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');

async function expectWholeRun(events: AsyncIterable<RunEvent>): Promise<void> {
  const collected = await collect(events);
  expect(collected).toEqual(RUN);
  expect(textOf(collected)).toBe(ANSWER);
}

const LOSSES: [string, (subscribe: Subscribe) => void][] = [
  ['a cut connection', (subscribe) => subscribe.cut()],
  ['a normal close (1000)', (subscribe) => subscribe.close(1000)],
  ['a server going away (1001)', (subscribe) => subscribe.close(1001)],
  ['a restarting server (1012)', (subscribe) => subscribe.close(1012)],
  ['an internal error (4500)', (subscribe) => subscribe.close(4500)],
  ['a stream ended too early', (subscribe) => subscribe.complete()],
  [
    'a passing GraphQL error',
    (subscribe) =>
      subscribe.error([{ message: 'draining', extensions: { code: 'SHUTTING_DOWN', retryable: true } }]),
  ],
];

describe.each(LOSSES)('%s', (_what, lose) => {
  test.each(RUN.map(({ sequence }) => sequence))(
    'behind event %i loses and doubles nothing',
    async (last) => {
      const { server, client } = await setUp((subscribe) => {
        const from = firstAfter(subscribe);
        if (subscribe.index > 0) return sendEvents(subscribe, from);
        sendEvents(subscribe, from, last + 1);
        lose(subscribe);
      });
      await expectWholeRun(client.ask('Which?'));
      expect(server.posts).toHaveLength(1);
      // The last event ends the stream for the reader, so that a loss behind it needs no second subscription.
      const cursors = last === RUN.length - 1 ? [undefined] : [undefined, `cursor-${last}`];
      expect(server.subscribes.map(({ variables }) => variables.after)).toEqual(cursors);
    },
  );

  test('behind every single event, again and again', async () => {
    const { server, client } = await setUp((subscribe) => {
      const from = firstAfter(subscribe);
      sendEvents(subscribe, from, from + 1);
      lose(subscribe);
    });
    await expectWholeRun(client.watch('run'));
    expect(server.subscribes).toHaveLength(RUN.length);
  });
});

test('events that come twice, also before the cursor, are shown once', async () => {
  const { client } = await setUp((subscribe) => {
    const from = Math.max(0, firstAfter(subscribe) - 3);
    sendEvents(subscribe, from, from + 4);
    sendEvents(subscribe, from, from + 5);
    if (from + 5 < RUN.length) subscribe.cut();
  });
  await expectWholeRun(client.watch('run'));
});

test('an event left out is fetched, not skipped', async () => {
  const { server, client } = await setUp((subscribe) => {
    if (subscribe.index > 0) return sendEvents(subscribe, firstAfter(subscribe));
    sendEvents(subscribe, 0, 4);
    sendEvents(subscribe, 5);
  });
  await expectWholeRun(client.watch('run'));
  expect(server.subscribes[1]?.variables.after).toBe('cursor-3');
});

test('losses before the connection is acknowledged are got over', async () => {
  const { server, client } = await setUp((subscribe) => sendEvents(subscribe, firstAfter(subscribe)), {
    acknowledge: (index) => index >= 3,
  });
  await expectWholeRun(client.watch('run'));
  expect(server.connectionCount).toBe(4);
});

test('goes on behind a given cursor', async () => {
  const { client } = await setUp((subscribe) => sendEvents(subscribe, firstAfter(subscribe)));
  expect(await collect(client.watch('run', { after: 'cursor-4' }))).toEqual(RUN.slice(5));
});

test('a stream that the server ends at once, behind the last cursor, is empty', async () => {
  const { client } = await setUp((subscribe) => subscribe.complete());
  expect(await collect(client.watch('run', { after: 'cursor-9' }))).toEqual([]);
});

test('several streams share one socket, and each goes on behind its own cursor', async () => {
  const { server, client } = await setUp((subscribe) => {
    const from = firstAfter(subscribe);
    if (subscribe.index >= 3) return sendEvents(subscribe, from);
    sendEvents(subscribe, from, 2 + subscribe.index);
    if (subscribe.index === 2) subscribe.cut();
  });
  await Promise.all(['a', 'b', 'c'].map((run) => expectWholeRun(client.watch(run))));
  expect(server.connectionCount).toBe(2);
  expect(
    server.subscribes
      .slice(3)
      .map(({ variables }) => `${variables.runId} ${variables.after}`)
      .sort(),
  ).toEqual(['a cursor-1', 'b cursor-2', 'c cursor-3']);
});

test('a reader slower than the server makes it wait, and misses nothing', async () => {
  const total = 2_500;
  const delta = (sequence: number) => ({
    __typename: sequence === total - 1 ? 'RunError' : 'TokenDelta',
    text: 'x',
    error: { code: 'X', message: 'x', retryable: false },
    sequence,
    cursor: `cursor-${sequence}`,
  });
  const { server, client } = await setUp((subscribe) => {
    for (let sequence = firstAfter(subscribe); sequence < total; sequence += 1) {
      subscribe.next({ data: { runEvents: delta(sequence) } });
    }
  });
  const events = client.watch('run');
  const sequences = [(await events.next()).value?.sequence];
  await expect.poll(() => server.completedByClient.length).toBe(1);
  for await (const event of events) sequences.push(event.sequence);
  expect(sequences).toEqual(Array.from({ length: total }, (_, sequence) => sequence));
  expect(server.subscribes.length).toBeGreaterThan(1);
});

describe('gives up', () => {
  const refusal = (code: string, retryable: boolean) => [{ message: 'no', extensions: { code, retryable } }];

  test('at an error that would come again', async () => {
    const { server, client } = await setUp((subscribe) => subscribe.error(refusal('NOT_FOUND', false)));
    await expect(collect(client.watch('run'))).rejects.toMatchObject({ code: 'NOT_FOUND', retryable: false });
    expect(server.subscribes).toHaveLength(1);
  });

  test('at an error inside of the stream, after showing what came before', async () => {
    const { client } = await setUp((subscribe) => {
      sendEvents(subscribe, 0, 3);
      subscribe.next({ data: null, errors: refusal('FORBIDDEN', false) });
    });
    const seen: RunEvent[] = [];
    const reading = async () => {
      for await (const event of client.watch('run')) seen.push(event);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(seen).toEqual(RUN.slice(0, 3));
  });

  test('after so many failures in a row', async () => {
    const { server, client } = await setUp((subscribe) => subscribe.cut(), { attemptCountMax: 3 });
    await expect(collect(client.watch('run'))).rejects.toMatchObject({ code: 'NETWORK', retryable: true });
    expect(server.subscribes).toHaveLength(4);
  });

  test('when nobody listens at the address', async () => {
    const { server, client } = await setUp(() => {}, { attemptCountMax: 2 });
    await server.close();
    await expect(collect(client.watch('run'))).rejects.toBeInstanceOf(MultiDbError);
  });

  test('when the server asks for longer patience than a reader has', async () => {
    const { client } = await setUp((subscribe) =>
      subscribe.error([
        { message: 'wait', extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 3_600_000 } },
      ]),
    );
    await expect(collect(client.watch('run'))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 3_600_000,
    });
  });

  test.each([4401, 4403])('at a close with %i when nobody is signed in', async (code) => {
    const { server, client } = await setUp((subscribe) => subscribe.close(code));
    await expect(collect(client.watch('run'))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.subscribes).toHaveLength(1);
  });

  test.each([4400, 4406, 4409, 4429])('at a close with %i', async (code) => {
    const { server, client } = await setUp((subscribe) => subscribe.close(code));
    await expect(collect(client.watch('run'))).rejects.toMatchObject({ code: 'BAD_RESPONSE' });
    expect(server.subscribes).toHaveLength(1);
  });
});

describe('a token that runs out', () => {
  const post = ({ operation }: Post): Reply => {
    if (operation === 'Login') return { body: { data: { login: newSession() } } };
    if (operation === 'RefreshSession') return { body: { data: { refreshSession: newSession() } } };
    return { body: { data: SENT } };
  };
  const refreshes = (server: ScriptedServer) =>
    server.posts.filter(({ operation }) => operation === 'RefreshSession');

  test.each(RUN.map(({ sequence }) => sequence).slice(0, -1))(
    'behind event %i is renewed unseen',
    async (last) => {
      const { server, client } = await setUp(
        (subscribe) => {
          const from = firstAfter(subscribe);
          if (subscribe.index > 0) return sendEvents(subscribe, from);
          sendEvents(subscribe, from, last + 1);
          subscribe.close(4403);
        },
        { post },
      );
      await client.login('test@example.com', 'testpassword123');
      await expectWholeRun(client.watch('run'));
      expect(refreshes(server)).toHaveLength(1);
      const [before, after] = server.subscribes.map(({ authorization }) => authorization);
      expect(after).toMatch(/^Bearer access-/);
      expect(after).not.toBe(before);
    },
  );

  test('under several streams is renewed once', async () => {
    const { server, client } = await setUp(
      (subscribe) => {
        if (subscribe.connectionIndex > 0) return sendEvents(subscribe, firstAfter(subscribe));
        sendEvents(subscribe, 0, 2);
        if (subscribe.index === 2) subscribe.close(4403);
      },
      { post },
    );
    await client.login('test@example.com', 'testpassword123');
    await Promise.all(['a', 'b', 'c'].map((run) => expectWholeRun(client.watch(run))));
    expect(refreshes(server)).toHaveLength(1);
  });

  test('and is refused although it is new ends the stream', async () => {
    const { server, client } = await setUp((subscribe) => subscribe.close(4403), { post });
    await client.login('test@example.com', 'testpassword123');
    await expect(collect(client.watch('run'))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.subscribes).toHaveLength(2);
    expect(refreshes(server)).toHaveLength(1);
  });

  test('cannot be renewed for an API key', async () => {
    const { server, client } = await setUp((subscribe) => subscribe.close(4403), { post });
    client.useApiKey('mdk_test');
    await expect(collect(client.watch('run'))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.subscribes.map(({ authorization }) => authorization)).toEqual(['Bearer mdk_test']);
  });

  test('while the server cannot be reached is renewed later', async () => {
    let refusals = 2;
    const { client } = await setUp(
      (subscribe) => {
        if (subscribe.index > 0) return sendEvents(subscribe, firstAfter(subscribe));
        sendEvents(subscribe, 0, 2);
        subscribe.close(4403);
      },
      {
        post: (request) => {
          if (request.operation !== 'RefreshSession' || refusals === 0) return post(request);
          refusals -= 1;
          return 'drop';
        },
      },
    );
    await client.login('test@example.com', 'testpassword123');
    await expectWholeRun(client.watch('run'));
  });
});

describe('a reader that leaves', () => {
  test('by break ends the subscription at the server', async () => {
    const { server, client } = await setUp((subscribe) => sendEvents(subscribe, 0, 5));
    for await (const event of client.watch('run')) if (event.sequence === 2) break;
    await expect.poll(() => server.completedByClient.length).toBe(1);
  });

  test('by its signal is thrown the reason, and the run is not stopped', async () => {
    const { server, client } = await setUp((subscribe) => sendEvents(subscribe, 0, 3));
    const controller = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const event of client.ask('Which?', { signal: controller.signal })) {
        seen.push(event.sequence);
        if (event.sequence === 2) controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(seen).toEqual([0, 1, 2]);
    await expect.poll(() => server.completedByClient.length).toBe(1);
    expect(server.posts.map(({ operation }) => operation)).toEqual(['SendMessage']);
  });

  test('by a signal that was aborted before asks for nothing', async () => {
    const { server, client } = await setUp(() => {});
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(collect(client.watch('run', { signal }))).rejects.toThrow('never mind');
    expect(server.subscribes).toEqual([]);
  });

  test('by return() wakes a pending next()', async () => {
    const { server, client } = await setUp(() => {});
    const events = client.watch('run');
    const pending = events.next();
    await expect.poll(() => server.subscribes.length).toBe(1);
    await events.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await expect.poll(() => server.completedByClient.length).toBe(1);
  });

  test('while the SDK waits to reconnect is not kept waiting', async () => {
    const { server, client } = await setUp((subscribe) => subscribe.cut());
    const slow = new MultiDbClient({ url: server.url, retry: { firstDelayMs: 60_000, delayMaxMs: 60_000 } });
    open.push(slow, client);
    const events = slow.watch('run');
    const pending = events.next();
    await expect.poll(() => server.subscribes.length).toBe(1);
    await events.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
  });
});
