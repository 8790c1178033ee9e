import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { accessToken, post } from '../support/graphql.ts';
import { DataFolderFixture, type ServerProcess, startServer } from '../support/server-process.ts';
import { DEMO } from '../support/system.ts';

const CALLS = 50;
const SEND = `mutation ($input: SendMessageInput!) { sendMessage(input: $input) { __typename
  ... on SendMessageSuccess { replayed conversation { id } userMessage { id text } run { id } } } }`;
const INGEST = `mutation ($input: IngestInput!) { ingest(input: $input) { __typename
  ... on IngestSuccess { replayed duplicate document { id version } } } }`;

type Payload = Readonly<Record<string, unknown>> & {
  readonly __typename: string;
  readonly replayed: boolean;
};

describe('one idempotency key', () => {
  let folder: DataFolderFixture;
  let server: ServerProcess;
  let token: string;
  let port: number;
  const start = () =>
    startServer({ folder: folder.path, env: { PORT: String(port), MESSAGES_PER_MINUTE: '10000' } });
  const call = async (query: string, input: Readonly<Record<string, unknown>>): Promise<Payload> => {
    const { body } = await post(server.url, query, { input }, token);
    const [payload] = Object.values(body.data ?? {});
    if (payload === undefined || payload === null) throw new Error(JSON.stringify(body));
    return payload as Payload;
  };
  const parallel = (query: string, input: Readonly<Record<string, unknown>>) =>
    Promise.all(Array.from({ length: CALLS }, () => call(query, input)));
  async function usage() {
    const query =
      '{ workspace { usage { messages } quota { reservedMicros } } documents { edges { node { id } } } }';
    return (await post(server.url, query, {}, token)).body.data;
  }

  beforeAll(async () => {
    folder = await DataFolderFixture.make();
    port = await freePort();
    server = await start();
    token = await accessToken(server.url, DEMO.email, DEMO.password);
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
  });

  it.each([
    ['sendMessage', SEND, { text: 'hello' }, { text: 'hello?' }],
    ['ingest', INGEST, { source: { text: { content: 'One.' } } }, { source: { text: { content: 'Two.' } } }],
  ])(
    'of %s makes one of 50 parallel calls, and of another payload a conflict',
    async (_name, query, payload, other) => {
      const input = { ...payload, idempotencyKey: 'the-same-key' };
      const answers = await parallel(query, input);
      const first = answers.filter(({ replayed }) => !replayed);
      expect(first).toHaveLength(1);
      for (const answer of answers) expect({ ...answer, replayed: false }).toEqual(first[0]);
      const conflict = await call(query, { ...other, idempotencyKey: 'the-same-key' });
      expect(conflict.__typename).toBe('IdempotencyConflict');
      await server.kill('SIGKILL');
      server = await start();
      expect(await call(query, input)).toEqual({ ...first[0], replayed: true });
    },
    120_000,
  );

  it('finds what was made although its reply was lost', async () => {
    const body = JSON.stringify({
      query: SEND,
      variables: { input: { text: 'lost', idempotencyKey: 'lost-reply' } },
    });
    await new Promise<void>((resolve) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
      const sent = request(`${server.url}/graphql`, { method: 'POST', headers });
      sent.on('error', () => resolve());
      // All of it is on its way, and nobody will read what comes back.
      sent.end(body, () => setImmediate(() => sent.destroy()));
      sent.on('close', resolve);
    });
    await sleep(200);
    const again = await parallel(SEND, { text: 'lost', idempotencyKey: 'lost-reply' });
    expect(new Set(again.map((payload) => JSON.stringify({ ...payload, replayed: false }))).size).toBe(1);
  });

  it('charged once, and left no reservation and one document', async () => {
    await expect.poll(usage, { timeout: 20_000 }).toMatchObject({
      workspace: { usage: { messages: 2 }, quota: { reservedMicros: 0 } },
      documents: { edges: [{ node: {} }] },
    });
  });
});
