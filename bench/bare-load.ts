/** The client of `baseline-stream.ts`, with the face of the client of ours. */
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { type MeasuredProcess, spawnMeasured } from './harness.ts';
import { type AnswerFrames, type Caller, FrameReader, postJson } from './run-load.ts';

const BASELINE = fileURLToPath(new URL('./baseline-stream.ts', import.meta.url));

export function startBareStream(modelUrl: string, core?: number): Promise<MeasuredProcess> {
  return spawnMeasured({
    args: ['--disable-warning=ExperimentalWarning', BASELINE],
    env: { OPENAI_BASE_URL: modelUrl },
    ...(core === undefined ? {} : { core }),
  });
}

let socketCount = 0;

/** `over`: whether a message is sent as a request, as to our server, or on the socket, which is cheaper. */
export async function openBareCaller(url: string, over: 'http' | 'socket'): Promise<Caller> {
  socketCount += 1;
  const name = String(socketCount);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket?name=${name}`, {
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = async (text: string): Promise<void> => {
    if (over === 'socket') socket.send(JSON.stringify({ ask: text }));
    else await postJson(new URL(`${url}/messages`), undefined, agent, JSON.stringify({ socket: name, text }));
  };
  return {
    ask(text, onText) {
      const reader = new FrameReader(performance.now(), onText);
      return new Promise<AnswerFrames>((resolve, reject) => {
        const onMessage = (data: Buffer) => {
          if (reader.read(data.toString())) return;
          socket.off('message', onMessage);
          resolve(reader.result());
        };
        socket.on('message', onMessage);
        send(text).catch(reject);
      });
    },
    close() {
      socket.close();
      agent.destroy();
    },
  };
}
