/**
 * The baseline for messages: Fastify, `fetch` and `ws`, and nothing else. It asks the model at OPENAI_BASE_URL, parses
 * the stream and pushes every delta as a JSON frame of the shape that our subscribers get. Nothing is stored, checked,
 * counted or searched for. Start: `POST /messages { socket, text }`, or `{ "ask": text }` on the socket itself.
 */
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';

const model = process.env['OPENAI_BASE_URL'] ?? '';
const app = Fastify({ logger: false });
const sockets = new Map<string, WebSocket>();
const webSockets = new WebSocketServer({ server: app.server, path: '/socket', perMessageDeflate: false });
let runCount = 0;

webSockets.on('connection', (socket, request) => {
  const name = new URL(request.url ?? '', 'http://localhost').searchParams.get('name') ?? '';
  sockets.set(name, socket);
  socket.on('close', () => sockets.delete(name));
  socket.on('message', (data) => void answer(socket, nextRun(), JSON.parse(String(data)).ask));
});

app.post('/messages', async (request) => {
  const { socket: name, text } = request.body as { readonly socket: string; readonly text: string };
  const run = nextRun();
  const socket = sockets.get(name);
  if (socket !== undefined) void answer(socket, run, text);
  return { run: { id: run } };
});

function nextRun(): string {
  runCount += 1;
  return `run_${runCount}`;
}

async function answer(socket: WebSocket, run: string, text: string): Promise<void> {
  const response = await fetch(`${model}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content: text }] }),
  });
  const decoder = new TextDecoder();
  let rest = '';
  let sequence = 0;
  for await (const bytes of response.body ?? []) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
      const content = JSON.parse(line.slice(6)).choices[0]?.delta?.content;
      if (!content) continue;
      socket.send(JSON.stringify(next(run, sequence, content)));
      sequence += 1;
    }
  }
  socket.send('{"id":"0","type":"complete"}');
}

function next(run: string, sequence: number, text: string) {
  const event = { __typename: 'TokenDelta', cursor: `${run}.${sequence}`, sequence, text };
  return { id: '0', type: 'next', payload: { data: { runEvents: event } } };
}

await app.listen({ port: 0, host: '127.0.0.1' });
console.log(`ready http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
process.once('SIGTERM', () => process.exit(0));
