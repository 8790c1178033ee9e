import { once } from 'node:events';
import { connect as connectTcp, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MultiDbClient, type RunEvent } from '../../src/client/index.ts';
import { type FourStores, hasFourServers, makeFourStores, nameWithFour } from '../support/four-stores.ts';
import { freePort } from '../support/free-port.ts';
import { accessToken, post } from '../support/graphql.ts';
import { type ScriptedAnswer, ScriptedOpenAi, type ScriptedRequest } from '../support/scripted-openai.ts';
import { DataFolderFixture, runCli, type ServerProcess, startServer } from '../support/server-process.ts';
import { connect } from '../support/sockets.ts';

const EMAIL = 'drain@example.com';
const PASSWORD = 'a long enough password';
const DELTAS = Array.from({ length: 120 }, (_, index) => `w${index} 😀 `);
const ANSWER = DELTAS.join('');

/** Goes on where the answer stands, slowly. */
function crawl({ messages }: ScriptedRequest): ScriptedAnswer {
  const last = messages.at(-1);
  const shown = last?.['role'] === 'assistant' ? String(last['content']) : '';
  const rest = ANSWER.startsWith(shown) ? ANSWER.slice(shown.length) : 'not asked to continue';
  return { deltas: rest.match(/.{1,6}/gsu) ?? [], paceMs: 30, usage: { input: 100, output: 50 } };
}
const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');
const expectWhole = (events: readonly RunEvent[]) => {
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
  expect(events.at(-1)?.__typename).toBe('RunEnd');
  expect(textOf(events)).toBe(ANSWER);
};

/** One address in front of the nodes, as a balancer has it: each new connection goes to the node of the moment. */
class Balancer {
  target: ServerProcess;
  readonly #server: Server;
  readonly url: string;

  private constructor(target: ServerProcess, port: number) {
    this.target = target;
    this.url = `http://127.0.0.1:${port}`;
    this.#server = createServer((client) => {
      const upstream = connectTcp(Number(new URL(this.target.url).port), '127.0.0.1');
      client.pipe(upstream).pipe(client);
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
    });
    this.#server.listen(port, '127.0.0.1');
  }
  static async start(target: ServerProcess): Promise<Balancer> {
    const balancer = new Balancer(target, await freePort());
    await once(balancer.#server, 'listening');
    return balancer;
  }
  close(): void {
    this.#server.close();
  }
}

describe.skipIf(!hasFourServers)(nameWithFour('a node that leaves'), () => {
  let stores: FourStores;
  let model: ScriptedOpenAi;
  let [a, b]: ServerProcess[] = [];
  let balancer: Balancer;
  let client: MultiDbClient;
  let env: Record<string, string>;
  const folders: DataFolderFixture[] = [];

  const start = async () => {
    const folder = await DataFolderFixture.make();
    folders.push(folder);
    return startServer({ folder: folder.path, command: 'serve', env });
  };
  /** Asked through the balancer; resolves when the answer has begun to show. */
  async function begin() {
    const { run } = await client.ask('hello').sent;
    const events: RunEvent[] = [];
    const begun = Promise.withResolvers<void>();
    const watch = async () => {
      for await (const event of client.watch(run.id)) {
        events.push(event);
        if (textOf(events).length > 20) begun.resolve();
      }
      return events;
    };
    const watched = watch();
    watched.catch(begun.reject);
    await begun.promise;
    return { runId: run.id, watched };
  }
  async function joins(node: ServerProcess, runId: string) {
    const token = await accessToken(node.url, EMAIL, PASSWORD);
    const query = 'query ($id: ID!) { run(id: $id) { generation handovers { generation textLength } } }';
    return (await post(node.url, query, { id: runId }, token)).body.data?.['run'];
  }

  beforeAll(async () => {
    [stores, model] = await Promise.all([makeFourStores(), ScriptedOpenAi.start(crawl)]);
    env = {
      ...stores.settings,
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
      RUN_LEASE_MS: '1500',
      STORE_OPEN_TIMEOUT_MS: '50000',
      SHUTDOWN_GRACE_MS: '1000',
    };
    const folder = await DataFolderFixture.make();
    folders.push(folder);
    expect(await runCli(['migrate'], { ...env, DATA_DIR: folder.path })).toMatchObject({ code: 0 });
    [a, b] = await Promise.all([start(), start()]);
    balancer = await Balancer.start(a);
    const retry = { attemptCountMax: 1_000, firstDelayMs: 50, delayMaxMs: 200 };
    client = new MultiDbClient({ url: balancer.url, retry });
    await client.signUp(EMAIL, PASSWORD);
  }, 180_000);
  afterAll(async () => {
    client?.close();
    balancer?.close();
    await Promise.all([a, b].map((node) => node?.stop()));
    await model?.close();
    await Promise.all(folders.map((folder) => folder.remove()));
    await stores?.drop();
  }, 120_000);

  it('after SIGTERM takes nobody new, hands over what it cannot finish, and its watchers lose nothing', async () => {
    if (!a || !b) throw new Error('no nodes');
    const token = await accessToken(a.url, EMAIL, PASSWORD);
    const { runId, watched } = await begin();
    const stopped = a.stop();
    const ready = async (node: ServerProcess) => (await fetch(`${node.url}/health/ready`)).status;
    await expect.poll(() => ready(a as ServerProcess)).toBe(503);
    await expect(connect(a.url, token)).rejects.toThrow();
    expect(await ready(b)).toBe(200);
    balancer.target = b;
    expect(await stopped).toMatchObject({ code: 0, signal: null });
    const events = await watched;
    expectWhole(events);
    const handovers = events.filter(({ __typename }) => __typename === 'RunHandover');
    expect(handovers).toHaveLength(1);
    expect(await joins(b, runId)).toEqual({
      generation: 2,
      handovers: [{ generation: 2, textLength: textOf(events.slice(0, handovers[0]?.sequence)).length }],
    });
    expect((await client.usage()).usage.messages).toBe(1);
    a = await start();
  }, 120_000);

  it('by SIGSTOP loses its run, is refused when it wakes, and says so', async () => {
    if (!a || !b) throw new Error('no nodes');
    const { runId, watched } = await begin();
    b.process.child.kill('SIGSTOP');
    const onA = new MultiDbClient({ url: a.url });
    await onA.login(EMAIL, PASSWORD);
    const events: RunEvent[] = [];
    for await (const event of onA.watch(runId)) events.push(event);
    expectWhole(events);
    expect(events.some(({ __typename }) => __typename === 'RunHandover')).toBe(true);
    b.process.child.kill('SIGCONT');
    await b.process.printed(new RegExp(`"runId":"${runId}".*"reason":"stale"`));
    // The socket to the sleeper may have been given up meanwhile; either way its watcher sees the same.
    expect(await watched).toEqual(events);
    const again: RunEvent[] = [];
    for await (const event of client.watch(runId)) again.push(event);
    expect(again).toEqual(events);
    expect((await client.usage()).usage.messages).toBe(2);
    onA.close();
  }, 120_000);
});
