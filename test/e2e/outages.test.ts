import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MultiDbClient, type RunEvent } from '../../src/client/index.ts';
import { type CountedStores, countStores, type StoreName } from '../support/counted-stores.ts';
import { type FourStores, hasFourServers, makeFourStores, nameWithFour } from '../support/four-stores.ts';
import { accessToken, post } from '../support/graphql.ts';
import { ScriptedOpenAi } from '../support/scripted-openai.ts';
import { DataFolderFixture, runCli, type ServerProcess, startServer } from '../support/server-process.ts';

const USER = { email: 'outage@example.com', password: 'a long enough password' };
const PATIENT = { timeout: 60_000, interval: 250 };
const ME = '{ me { email } }';
const CONVERSATIONS = '{ conversations(first: 5) { edges { node { id } } } }';
const SEARCH = 'query { search(input: { query: "sails of the mill" }) { passages { text } } }';
const SEND = `mutation { sendMessage(input: { text: "How many sails?" }) {
  __typename ... on SendMessageSuccess { run { id } } } }`;

interface Expectation {
  /** Goes on as if nothing was. */
  readonly works: readonly string[];
  readonly replays: boolean;
  /** Says at once, or by its deadline, that it cannot be done now. */
  readonly fails: readonly string[];
}
const EXPECTED: Readonly<Record<StoreName, Expectation>> = {
  DATABASE_URL: { works: [], replays: false, fails: [CONVERSATIONS, SEND] },
  MONGODB_URL: { works: [ME, CONVERSATIONS, SEND], replays: true, fails: [SEARCH] },
  SCYLLA_URL: { works: [ME, CONVERSATIONS, SEARCH], replays: false, fails: [SEND] },
  REDIS_URL: { works: [ME, CONVERSATIONS, SEARCH], replays: true, fails: [] },
};

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe.skipIf(!hasFourServers)(nameWithFour('a node that loses one of its four stores'), () => {
  let stores: FourStores;
  let counted: CountedStores;
  let model: ScriptedOpenAi;
  let folder: DataFolderFixture;
  let node: ServerProcess;
  let client: MultiDbClient;
  let token: string;
  let runId: string;
  let events: RunEvent[];

  const call = (query: string) => post(node.url, query, {}, token);
  const health = async (path: string) => (await fetch(`${node.url}/health/${path}`)).status;

  beforeAll(async () => {
    folder = await DataFolderFixture.make();
    [stores, model] = await Promise.all([makeFourStores(), ScriptedOpenAi.start()]);
    const migrated = await runCli(['migrate'], { ...stores.settings, DATA_DIR: folder.path });
    expect(migrated, migrated.stderr).toMatchObject({ code: 0 });
    counted = await countStores(stores.settings);
    const env = {
      ...counted.settings,
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
      DATABASE_STATEMENT_TIMEOUT_MS: '1500',
      SEARCH_TIMEOUT_MS: '3000',
      SHUTDOWN_GRACE_MS: '1000',
    };
    node = await startServer({ folder: folder.path, env });
    client = new MultiDbClient({ url: node.url });
    await client.signUp(USER.email, USER.password);
    token = await accessToken(node.url, USER.email, USER.password);
    await client.ingest({ text: 'The mill has four sails.' }).ready();
    const answer = client.ask('How many sails has the mill?');
    events = await collect(answer);
    runId = (await answer.sent).run.id;
  }, 180_000);
  afterAll(async () => {
    client?.close();
    await node?.stop();
    await model?.close();
    await folder?.remove();
    await counted?.close();
    await stores?.drop();
  }, 120_000);

  for (const [store, { works, replays, fails }] of Object.entries(EXPECTED) as [StoreName, Expectation][]) {
    for (const fault of ['silent', 'refused'] as const) {
      it(`${store} ${fault}: says so where it is needed, goes on where it is not, and recovers`, async () => {
        const proxy = counted.proxies[store];
        expect(await health('ready')).toBe(200);
        await proxy.begin(fault);
        expect(await health('live')).toBe(200);
        expect(await health('ready')).toBe(503);
        for (const query of works) expect((await call(query)).body.errors).toBeUndefined();
        if (replays) expect(await collect(client.watch(runId))).toEqual(events);
        for (const query of fails) {
          expect((await call(query)).body.errors).toMatchObject([
            {
              extensions: {
                code: expect.stringMatching(/^(STORE_UNAVAILABLE|DEADLINE_EXCEEDED)$/),
                retryable: true,
              },
            },
          ]);
        }
        await proxy.heal();
        await expect.poll(() => health('ready'), PATIENT).toBe(200);
        for (const query of [...works, ...fails]) {
          await expect.poll(async () => (await call(query)).body.errors, PATIENT).toBeUndefined();
        }
        expect(await collect(client.watch(runId))).toEqual(events);
        expect((await client.ask(`After ${store} was ${fault}?`).finished()).finishReason).toBe('COMPLETED');
      }, 180_000);
    }
  }
});
