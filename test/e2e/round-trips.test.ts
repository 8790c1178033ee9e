import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MultiDbClient } from '../../src/client/index.ts';
import { type CountedStores, countStores, withoutPeriodic } from '../support/counted-stores.ts';
import { type FourStores, hasFourServers, makeFourStores, nameWithFour } from '../support/four-stores.ts';
import { accessToken, post } from '../support/graphql.ts';
import { ScriptedOpenAi } from '../support/scripted-openai.ts';
import { DataFolderFixture, runCli, type ServerProcess, startServer } from '../support/server-process.ts';
import { connect } from '../support/sockets.ts';

const USER = { email: 'counted@example.com', password: 'a long enough password' };
const SUBSCRIPTION_COUNT = 100;
const SEND = `mutation ($input: SendMessageInput!) { sendMessage(input: $input) {
  __typename ... on SendMessageSuccess { run { id } userMessage { id text } } } }`;
const WATCH = 'subscription ($runId: ID!) { runEvents(runId: $runId) { __typename sequence } }';
const NOTHING = { DATABASE_URL: [], MONGODB_URL: [], SCYLLA_URL: [], REDIS_URL: [] };

/** One place for runs, taken by one whose model is silent: whatever is sent meanwhile waits, and costs nothing but its sending. */
describe.skipIf(!hasFourServers)(nameWithFour('round trips to the four stores'), () => {
  let stores: FourStores;
  let counted: CountedStores;
  let model: ScriptedOpenAi;
  let folder: DataFolderFixture;
  let node: ServerProcess;
  let token: string;
  let stalled: string;

  const send = async (input: Readonly<Record<string, unknown>>) => {
    const { body } = await post(node.url, SEND, { input }, token);
    return body.data as { sendMessage: { run: { id: string }; userMessage: { text: string } } };
  };

  beforeAll(async () => {
    folder = await DataFolderFixture.make();
    stores = await makeFourStores();
    const migrated = await runCli(['migrate'], { ...stores.settings, DATA_DIR: folder.path });
    expect(migrated, migrated.stderr).toMatchObject({ code: 0 });
    counted = await countStores(stores.settings);
    model = await ScriptedOpenAi.start(() => ({
      deltas: ['one', 'two'],
      fault: { kind: 'stall', after: 1 },
    }));
    const env = {
      ...counted.settings,
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
      RUN_CONCURRENCY_MAX: '1',
      SOCKETS_PER_USER_MAX: '1000',
      MODEL_IDLE_TIMEOUT_MS: '600000',
      SHUTDOWN_GRACE_MS: '1',
    };
    node = await startServer({ folder: folder.path, command: 'serve', env });
    await new MultiDbClient({ url: node.url }).signUp(USER.email, USER.password);
    token = await accessToken(node.url, USER.email, USER.password);
    stalled = (await send({ text: 'take the place' })).sendMessage.run.id;
    await vi.waitFor(() => expect(model.requests).toHaveLength(1), { timeout: 20_000 });
    // Prepares what is sent below: statements, scripts, connections.
    for (let index = 0; index < 5; index += 1) await send({ text: `warm up ${index}` });
  }, 180_000);
  afterAll(async () => {
    await node?.stop();
    await model?.close();
    await folder?.remove();
    await counted?.close();
    await stores?.drop();
  }, 120_000);

  it('sending a message is one PostgreSQL statement, one Redis script and one write to ScyllaDB', async () => {
    counted.take();
    const { sendMessage } = await send({ text: 'counted', idempotencyKey: 'counted' });
    expect(sendMessage.userMessage.text).toBe('counted');
    const { REDIS_URL: redis, ...others } = withoutPeriodic(counted.take());
    expect(others).toEqual({ DATABASE_URL: ['run_begin'], SCYLLA_URL: ['EXECUTE'], MONGODB_URL: [] });
    // Who is calling is asked before the message is read: two values in one round trip.
    expect(redis).toEqual(['GET session', 'GET user-epoch', 'EVALSHA limit']);
  });

  it('a subscription that waits asks no store for anything', async () => {
    const socket = await connect(node.url, token);
    for (let index = 0; index < 60; index += 1) socket.subscribe(String(index), WATCH, { runId: stalled });
    const sockets = await Promise.all(
      Array.from({ length: SUBSCRIPTION_COUNT }, async () => {
        const one = await connect(node.url, token);
        one.subscribe('1', WATCH, { runId: stalled });
        // It has read what there is, and waits.
        expect(await one.next()).toMatchObject({ type: 'next' });
        return one;
      }),
    );
    await expect.poll(() => socket.texts.length).toBeGreaterThanOrEqual(60);
    counted.take();
    // Until this node has looked for runs of dead nodes three times, once a second.
    const seen = structuredClone(NOTHING) as Record<keyof typeof NOTHING, string[]>;
    const claims = () => {
      for (const [name, requests] of Object.entries(counted.take())) {
        seen[name as keyof typeof NOTHING].push(...requests);
      }
      return seen.DATABASE_URL.filter((name) => name === 'run_claim_expired').length;
    };
    await expect.poll(claims, { timeout: 20_000, interval: 100 }).toBeGreaterThanOrEqual(3);
    expect(withoutPeriodic(seen)).toEqual(NOTHING);
    await Promise.all([socket, ...sockets].map((one) => one.close()));
  }, 60_000);
});
