/** The cheapest client of our protocol that still does what a client does: sends a message and reads its run. */
import { Agent, request } from 'node:http';
import { WebSocket } from 'ws';
import { RunEventsDocument, SendMessageDocument } from '../src/client/generated/operations.ts';

const SEND_MESSAGE = String(SendMessageDocument);
/** What the SDK sends: the whole contract, citations and the stored message at the end included. */
const RUN_EVENTS = String(RunEventsDocument);

export interface Caller {
  /** Sends one message; resolves when its run has ended. `onText` gets each frame's text as it comes. */
  ask(text: string, onText?: (text: string) => void): Promise<AnswerFrames>;
  close(): void;
}
export interface AnswerFrames {
  readonly textFrameCount: number;
  readonly textLength: number;
  /** From before the request until the first text was there, in milliseconds. */
  readonly firstTextMs: number;
}

/** One user of our server: a socket, and a kept-alive connection for mutations. */
export async function openCaller(url: string, token: string): Promise<Caller> {
  const socket = await openSocket(url, token);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = (body: string) => postJson(new URL(`${url}/graphql`), token, agent, body);
  let nextId = 0;
  return {
    async ask(text, onText = () => undefined) {
      const startedAt = performance.now();
      const body = JSON.stringify({ query: SEND_MESSAGE, variables: { input: { text } } });
      const runId = /"run":\{"__typename":"Run","id":"([^"]+)"|"run":\{"id":"([^"]+)"/.exec(await post(body));
      const id = String(nextId);
      nextId += 1;
      return readAnswer(socket, { id, runId: runId?.[1] ?? runId?.[2] ?? '', startedAt, onText });
    },
    close() {
      socket.close();
      agent.destroy();
    },
  };
}

function readAnswer(
  socket: WebSocket,
  options: { id: string; runId: string; startedAt: number; onText: (text: string) => void },
): Promise<AnswerFrames> {
  const { id, runId, startedAt, onText } = options;
  const reading = new FrameReader(startedAt, onText);
  return new Promise((resolve, reject) => {
    const onMessage = (data: Buffer) => {
      const frame = data.toString();
      if (frame.includes('"RunError"') || frame.includes('"errors":[')) {
        socket.off('message', onMessage);
        return reject(new Error(frame));
      }
      if (reading.read(frame)) return;
      if (frame.includes('"type":"ping"')) return socket.send('{"type":"pong"}');
      socket.off('message', onMessage);
      if (frame.includes('"type":"complete"')) resolve(reading.result());
      else reject(new Error(frame));
    };
    socket.on('message', onMessage);
    socket.send(
      JSON.stringify({ id, type: 'subscribe', payload: { query: RUN_EVENTS, variables: { runId } } }),
    );
  });
}

/** Counts text; understands our frames and those of the bare server. */
export class FrameReader {
  readonly #startedAt: number;
  readonly #onText: (text: string) => void;
  #frames = 0;
  #length = 0;
  #firstTextMs = Number.NaN;

  constructor(startedAt: number, onText: (text: string) => void = () => undefined) {
    this.#startedAt = startedAt;
    this.#onText = onText;
  }

  /** False: not an event. */
  read(frame: string): boolean {
    if (!frame.includes('"type":"next"')) return false;
    const text = /"text":"((?:[^"\\]|\\.)*)"/.exec(frame)?.[1];
    if (text === undefined || !frame.includes('"TokenDelta"')) return true;
    if (this.#frames === 0) this.#firstTextMs = performance.now() - this.#startedAt;
    this.#frames += 1;
    this.#length += text.length;
    this.#onText(text);
    return true;
  }

  result(): AnswerFrames {
    return { textFrameCount: this.#frames, textLength: this.#length, firstTextMs: this.#firstTextMs };
  }
}

async function openSocket(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code, reason) => reject(new Error(`socket closed: ${code} ${reason}`)));
    socket.once('message', () => resolve());
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    });
  });
  return socket;
}

export function postJson(url: URL, token: string | undefined, agent: Agent, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`status ${response.statusCode}: ${text}`));
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
