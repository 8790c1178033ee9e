import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MultiDbClient, type RunEvent } from '../../src/client/index.ts';
import { type FourStores, hasFourServers, makeFourStores, nameWithFour } from '../support/four-stores.ts';
import { accessToken, codesOf, post } from '../support/graphql.ts';
import { type ScriptedAnswer, ScriptedOpenAi, type ScriptedRequest } from '../support/scripted-openai.ts';
import { DataFolderFixture, runCli, type ServerProcess, startServer } from '../support/server-process.ts';
import { connect } from '../support/sockets.ts';

const PASSWORD = 'a long enough password';
const MESSAGES_PER_MINUTE = 40;
const DELTAS = Array.from({ length: 60 }, (_, index) => `w${index} 😀 `);
const ANSWER = DELTAS.join('');
const INPUT_PRICE = 3_000_000;
const OUTPUT_PRICE = 5_000_000;
const USAGE = { input: 1_000, output: 60 };

/** What was asked last decides: an answer that stalls half-way, one that crawls, or one at once. */
function answer({ messages }: ScriptedRequest): ScriptedAnswer {
  const asked = messages.filter(({ role }) => role === 'user').at(-1);
  const last = messages.at(-1);
  const shown = last?.['role'] === 'assistant' ? String(last['content']) : '';
  const question = JSON.stringify(asked?.['content'] ?? '');
  if (question.includes('stall'))
    return { deltas: DELTAS, fault: { kind: 'stall', after: 20 }, usage: USAGE };
  const rest = ANSWER.startsWith(shown) ? ANSWER.slice(shown.length) : 'not asked to continue';
  const deltas = rest.match(/.{1,6}/gsu) ?? [];
  return { deltas, usage: USAGE, ...(question.includes('crawl') ? { paceMs: 60 } : {}) };
}

const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');
const expectWhole = (events: readonly RunEvent[]) => {
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
  expect(events.at(-1)?.__typename).toBe('RunEnd');
};
async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe.skipIf(!hasFourServers)(nameWithFour('two nodes and a worker on four stores'), () => {
  let stores: FourStores;
  let model: ScriptedOpenAi;
  let folders: DataFolderFixture[];
  let [a, b, work]: ServerProcess[] = [];
  let userCount = 0;
  let env: Record<string, string>;

  const start = async (command: 'serve' | 'work') => {
    const folder = await DataFolderFixture.make();
    folders.push(folder);
    return startServer({ folder: folder.path, command, env });
  };
  const urlOf = (node: ServerProcess | undefined) => node?.url ?? '';
  /** A new user, signed up at A and signed in at both nodes. */
  async function newUser() {
    userCount += 1;
    const email = `node-user-${userCount}@example.com`;
    const [onA, onB] = [a, b].map((node) => new MultiDbClient({ url: urlOf(node) })) as [
      MultiDbClient,
      MultiDbClient,
    ];
    await onA.signUp(email, PASSWORD);
    await onB.login(email, PASSWORD);
    return { email, onA, onB };
  }

  beforeAll(async () => {
    folders = [];
    [stores, model] = await Promise.all([makeFourStores(), ScriptedOpenAi.start(answer)]);
    env = {
      ...stores.settings,
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
      MODEL_INPUT_MICROS_PER_MILLION: String(INPUT_PRICE),
      MODEL_OUTPUT_MICROS_PER_MILLION: String(OUTPUT_PRICE),
      MESSAGES_PER_MINUTE: String(MESSAGES_PER_MINUTE),
      SIGN_UP_PER_ADDRESS_PER_MINUTE: '1000000',
      RUN_LEASE_MS: '3000',
    };
    const folder = await DataFolderFixture.make();
    folders.push(folder);
    const migrated = await runCli(['migrate'], { ...env, DATA_DIR: folder.path });
    expect(migrated, migrated.stderr).toMatchObject({ code: 0 });
    [a, b, work] = await Promise.all([start('serve'), start('serve'), start('work')]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all([a, b, work].map((node) => node?.stop()));
    await model?.close();
    await Promise.all(folders.map((folder) => folder.remove()));
    await stores?.drop();
  }, 120_000);

  it('a login at one node is good at the other, and its end counts there at once', async () => {
    const { email } = await newUser();
    const me = (node: ServerProcess | undefined, token: string) =>
      post(urlOf(node), '{ me { email } }', {}, token);
    for (let round = 0; round < 10; round += 1) {
      const token = await accessToken(urlOf(a), email, PASSWORD);
      expect((await me(b, token)).body.data).toMatchObject({ me: { email } });
      const logout = await post(urlOf(a), 'mutation { logout { __typename } }', {}, token);
      expect(logout.body.errors).toBeUndefined();
      expect(codesOf(await me(b, token))).toEqual(['UNAUTHENTICATED']);
    }
  });

  it('a socket that is open at one node is closed when its session ends at the other', async () => {
    const { email } = await newUser();
    const token = await accessToken(urlOf(a), email, PASSWORD);
    const socket = await connect(urlOf(b), token);
    await post(urlOf(a), 'mutation { logout { __typename } }', {}, token);
    expect(await socket.closed).toMatchObject({ code: 4403 });
  });

  it('what one node took in, a worker ingests, and both nodes find', async () => {
    const { onA, onB } = await newUser();
    const bytes = Buffer.from('# Mill\n\nThe mill has four sails.\n');
    const document = await onA.ingest({ bytes, fileName: 'mill.md' }).ready();
    expect(document).toMatchObject({ status: 'READY', chunkCount: 1 });
    for (const client of [onA, onB]) {
      const [passage] = await client.search('How many sails has the mill?');
      expect(passage?.text).toContain('four sails');
    }
  });

  it('an upload that one node announced is taken by the other', async () => {
    const { email } = await newUser();
    const token = await accessToken(urlOf(a), email, PASSWORD);
    const text = Buffer.from('The barn has two doors.');
    const query = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) {
      __typename ... on CreateUploadSuccess { uploadId url } } }`;
    const input = { fileName: 'barn.txt', mediaType: 'text/plain', size: text.byteLength };
    const { body } = await post(urlOf(a), query, { input }, token);
    const { createUpload } = body.data as { createUpload: { uploadId: string; url: string } };
    const { uploadId, url } = createUpload;
    const { pathname, search } = new URL(url, urlOf(a));
    const headers = { 'content-type': 'text/plain' };
    const put = await fetch(new URL(pathname + search, urlOf(b)), { method: 'PUT', headers, body: text });
    expect(put.status).toBe(204);
    const ingest = `mutation ($input: IngestInput!) { ingest(input: $input) {
      __typename ... on IngestSuccess { document { id } } } }`;
    const ingested = await post(urlOf(a), ingest, { input: { source: { uploadId } } }, token);
    expect(ingested.body.data).toMatchObject({ ingest: { __typename: 'IngestSuccess' } });
  });

  it('a subscription at one shows the tokens of a run of the other while they come', async () => {
    const { onA, onB } = await newUser();
    const { run } = await onB.ask('stall, please').sent;
    const seen: RunEvent[] = [];
    for await (const event of onA.watch(run.id)) {
      seen.push(event);
      // The model will fall silent and never end this answer: what A shows, it shows while B is at it.
      if (event.__typename === 'TokenDelta') await onA.stop(run.id);
    }
    expectWhole(seen);
    const text = textOf(seen);
    expect(text).not.toBe('');
    expect(ANSWER.slice(0, text.length)).toBe(text);
    expect(text.length).toBeLessThan(ANSWER.length);
    expect(seen.at(-1)).toMatchObject({ finishReason: 'STOPPED' });
    expect(await collect(onB.watch(run.id))).toEqual(seen);
  }, 60_000);

  it('one idempotency key makes one run and one charge, whichever nodes are asked', async () => {
    const { onA, onB } = await newUser();
    const sends = Array.from({ length: 8 }, (_, index) =>
      (index % 2 === 0 ? onA : onB).ask('once', { idempotencyKey: 'the-same' }),
    );
    const runs = await Promise.all(sends.map(async ({ sent }) => (await sent).run.id));
    expect(new Set(runs).size).toBe(1);
    expect(await Promise.all(sends.map(async (send) => (await send.finished()).text))).toEqual(
      sends.map(() => ANSWER),
    );
    const costMicros = Math.ceil((USAGE.input * INPUT_PRICE + USAGE.output * OUTPUT_PRICE) / 1_000_000);
    expect(await onB.usage()).toMatchObject({ usage: { messages: 1, costMicros } });
  });

  it('share one budget of messages', async () => {
    const { onA, onB } = await newUser();
    const sends = Array.from({ length: MESSAGES_PER_MINUTE + 10 }, (_, index) =>
      (index % 2 === 0 ? onA : onB).ask(`message ${index}`).sent.then(
        () => 'sent',
        (error: { code: string }) => error.code,
      ),
    );
    const outcomes = await Promise.all(sends);
    expect(outcomes.filter((outcome) => outcome === 'RATE_LIMITED').length).toBeGreaterThan(0);
    // The budget refills while they are sent, one every 1.5 seconds.
    const sent = outcomes.filter((outcome) => outcome === 'sent').length;
    expect(sent).toBeGreaterThanOrEqual(MESSAGES_PER_MINUTE);
    expect(sent).toBeLessThan(MESSAGES_PER_MINUTE + 10);
  }, 60_000);

  it('a run outlives its node: the other one ends it, and who watches sees every token once', async () => {
    const { onA, onB } = await newUser();
    const { run } = await onB.ask('crawl, please').sent;
    const watched = collect(onA.watch(run.id));
    await expect.poll(async () => (await onA.run(run.id)).status).toBe('RUNNING');
    await sleep(1_000);
    await b?.kill('SIGKILL');
    const events = await watched;
    expectWhole(events);
    expect(events.some(({ __typename }) => __typename === 'RunHandover')).toBe(true);
    expect(textOf(events)).toBe(ANSWER);
    expect((await onA.usage()).usage).toMatchObject({ messages: 1 });
  }, 90_000);
});
