/**
 * What `sendMessage` asks of the four stores before it returns, counted on the wire: a real `serve` process behind
 * proxies that read the protocols, the model scripted. The only place for runs is taken by one that never ends, so what
 * is counted is the sending and not the answering. Targets: at most one PostgreSQL transaction, one Redis call and one
 * write to ScyllaDB. Needs the URLs that `npm run servers -- start` prints, as KEY_TEST.
 */
import { execFileSync } from 'node:child_process';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { SendMessageDocument } from '../src/client/generated/operations.ts';
import { MultiDbClient } from '../src/client/index.ts';
import { countStores, withoutPeriodic } from '../test/support/counted-stores.ts';
import { makeFourStores } from '../test/support/four-stores.ts';
import { accessToken } from '../test/support/graphql.ts';
import { ScriptedOpenAi } from '../test/support/scripted-openai.ts';
import { median, printTable, spawnMeasured } from './harness.ts';
import { withFolder } from './product.ts';
import { postJson } from './run-load.ts';

const MESSAGES = Number(process.argv[2] ?? 200);
const WARM_UP = 20;
const USER = { email: 'bench@example.com', password: 'a long enough password' };
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const LIMITS = { MESSAGES_PER_MINUTE: '1000000', RUN_CONCURRENCY_MAX: '1', MODEL_IDLE_TIMEOUT_MS: '600000' };

const stores = await makeFourStores();
const model = await ScriptedOpenAi.start(() => ({ deltas: ['a', 'b'], fault: { kind: 'stall', after: 1 } }));
try {
  await withFolder(async (folder) => {
    const common = { DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'error', SHUTDOWN_GRACE_MS: '1', ...LIMITS };
    const migration = { env: { ...process.env, ...stores.settings, ...common }, stdio: 'ignore' } as const;
    execFileSync(process.execPath, [MAIN, 'migrate'], migration);
    const counted = await countStores(stores.settings);
    const env = { ...counted.settings, ...common, OPENAI_BASE_URL: model.url, MODEL: 'scripted' };
    const node = await spawnMeasured({ args: ['--disable-warning=ExperimentalWarning', MAIN, 'serve'], env });
    const url = node.ready.replace(/\/playground$/, '');
    await new MultiDbClient({ url }).signUp(USER.email, USER.password);
    const token = await accessToken(url, USER.email, USER.password);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (text: string) => {
      const startedAt = performance.now();
      const body = JSON.stringify({ query: String(SendMessageDocument), variables: { input: { text } } });
      const answer = await postJson(new URL(`${url}/graphql`), token, agent, body);
      if (!answer.includes('"SendMessageSuccess"')) throw new Error(answer);
      return performance.now() - startedAt;
    };
    for (let index = 0; index < WARM_UP; index += 1) await send(`warm up ${index}`);
    counted.take();
    const times: number[] = [];
    for (let index = 0; index < MESSAGES; index += 1) times.push(await send(`message ${index}`));
    const requests = withoutPeriodic(counted.take());
    printTable(
      `Requests of one sendMessage (${MESSAGES} messages, p50 ${median(times).toFixed(1)} ms over HTTP)`,
      ['store', 'requests a message', 'which'],
      Object.entries(requests).map(([store, names]) => [
        store.replace('_URL', ''),
        names.length / MESSAGES,
        [...new Set(names)].join(', ') || 'none',
      ]),
    );
    agent.destroy();
    await node.stop();
    await counted.close();
  });
} finally {
  await model.close();
  await stores.drop();
}
