/** The subscribers of bench/tokens.ts. They count frames and read none of them, so that they cost little. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

const QUERY =
  'subscription Watch($runId: ID!) { runEvents(runId: $runId) { __typename cursor sequence ... on TokenDelta { text } } }';
const CONNECT_AT_ONCE = 50;

type Message =
  | { readonly do: 'subscribe'; readonly url: string; readonly kind: string; readonly count: number }
  | { readonly do: 'receive'; readonly count: number }
  | { readonly do: 'leave' };

let sockets: WebSocket[] = [];
let tokens = 0;
let onToken: () => void = () => undefined;

async function subscribe(url: string, kind: string, index: number): Promise<WebSocket> {
  const socket = new WebSocket(url, kind === 'edge' ? 'graphql-transport-ws' : []);
  await once(socket, 'open');
  if (kind === 'edge') {
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer x' } }));
    await once(socket, 'message');
    const runId = `run_${String(index).padStart(26, '0')}`;
    socket.send(
      JSON.stringify({ id: '1', type: 'subscribe', payload: { query: QUERY, variables: { runId } } }),
    );
    // The pong comes after the subscription was read.
    socket.send(JSON.stringify({ type: 'ping' }));
    await once(socket, 'message');
  }
  socket.on('message', () => {
    tokens += 1;
    onToken();
  });
  return socket;
}

async function subscribeAll(url: string, kind: string, count: number): Promise<void> {
  for (let start = 0; start < count; start += CONNECT_AT_ONCE) {
    const length = Math.min(CONNECT_AT_ONCE, count - start);
    const batch = Array.from({ length }, (_, offset) => subscribe(url, kind, start + offset));
    sockets.push(...(await Promise.all(batch)));
  }
}

process.on('message', async (message: Message) => {
  if (message.do === 'subscribe') {
    tokens = 0;
    await subscribeAll(message.url, message.kind, message.count);
    process.send?.({});
  } else if (message.do === 'receive') {
    await new Promise<void>((resolve) => {
      onToken = () => tokens >= message.count && resolve();
    });
    process.send?.({ tokens });
  } else {
    const closing = sockets.map((socket) => once(socket, 'close'));
    for (const socket of sockets) socket.close();
    await Promise.all(closing);
    sockets = [];
    process.send?.({});
  }
});
