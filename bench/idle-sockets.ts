/**
 * Memory of a waiting subscription: one server process, a run whose model is silent, and thousands of sockets that watch
 * it. The figure is the growth of the server's resident set, divided by the sockets. Arguments: how many sockets.
 */
import { WebSocket } from 'ws';
import { RunEventsDocument } from '../src/client/generated/operations.ts';
import { ScriptedOpenAi } from '../test/support/scripted-openai.ts';
import { pinToLoadCore, printTable, SERVER_CORE } from './harness.ts';
import { signIn, startProduct, withFolder } from './product.ts';

const SOCKETS = Number(process.argv[2] ?? 5_000);
const AT_ONCE = 50;
const WARM_UP = 200;
const SETTLE_MS = 10_000;
const QUERY = String(RunEventsDocument);

/** Resolves when the subscription has shown what there is, and waits. */
function subscribe(url: string, token: string, runId: string): Promise<WebSocket> {
  const options = { perMessageDeflate: false };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code, reason) => reject(new Error(`socket closed: ${code} ${reason}`)));
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    });
    socket.on('message', (data) => {
      const frame = String(data);
      if (frame.includes('connection_ack')) {
        const payload = { query: QUERY, variables: { runId } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
      } else if (frame.includes('"TokenDelta"')) resolve(socket);
    });
  });
}

async function open(count: number, one: () => Promise<WebSocket>): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const length = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length }, one))));
  }
  return sockets;
}
const settled = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

pinToLoadCore();
const model = await ScriptedOpenAi.start(() => ({
  deltas: ['one ', 'two '],
  fault: { kind: 'stall', after: 1 },
}));
await withFolder(async (folder) => {
  const env = {
    OPENAI_BASE_URL: model.url,
    MODEL: 'scripted',
    MODEL_IDLE_TIMEOUT_MS: '3600000',
    RUN_TIME_MAX_MS: '3600000',
    ACCESS_TOKEN_MS: '3600000',
    SHUTDOWN_GRACE_MS: '1',
  };
  const product = await startProduct({ folder, core: SERVER_CORE, env });
  const { client, token } = await signIn(product.url);
  const { run } = await client.ask('Wait, please.').sent;
  const one = () => subscribe(product.url, token, run.id);
  // What is compiled, loaded and cached once is no cost of a socket.
  for (const socket of await open(WARM_UP, one)) socket.terminate();
  await settled();
  const before = product.process.rssMb();
  const sockets = await open(SOCKETS, one);
  await settled();
  const after = product.process.rssMb();
  printTable(
    `${SOCKETS} waiting subscriptions on one process (target: ≤ 30 KB each)`,
    ['resident before, MiB', 'resident with them, MiB', 'KB each'],
    [[before, after, ((after - before) * 1024) / SOCKETS]],
  );
  for (const socket of sockets) socket.terminate();
  client.close();
  await product.stop();
});
await model.close();
