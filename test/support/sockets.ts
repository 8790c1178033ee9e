import { once } from 'node:events';
import { WebSocket } from 'ws';

export type Frame = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
};

/** A socket whose frames a test reads one by one, as text and parsed, and whose end it can await. */
export class TestSocket {
  readonly webSocket: WebSocket;
  readonly texts: string[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #read = 0;
  #wake: (() => void) | undefined;

  constructor(url: string, protocol: string | string[] = 'graphql-transport-ws') {
    this.webSocket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, protocol);
    this.webSocket.on('message', (data) => {
      this.texts.push(String(data));
      this.#wake?.();
    });
    this.webSocket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.webSocket.once('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake?.();
      });
    });
  }

  async opened(): Promise<this> {
    if (this.webSocket.readyState === WebSocket.CONNECTING) await once(this.webSocket, 'open');
    return this;
  }

  send(frame: Readonly<Record<string, unknown>>): void {
    this.webSocket.send(JSON.stringify(frame));
  }

  /** The next frame; throws when the socket ends first. */
  async next(): Promise<Frame> {
    return JSON.parse(await this.nextText()) as Frame;
  }

  async nextText(): Promise<string> {
    for (;;) {
      const text = this.texts[this.#read];
      if (text !== undefined) {
        this.#read += 1;
        return text;
      }
      if (this.webSocket.readyState === WebSocket.CLOSED) throw new Error('the socket closed first');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Frames of one operation up to its end, that included. */
  async untilEnd(id: string): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.id !== id) continue;
      frames.push(frame);
      if (frame.type === 'complete' || frame.type === 'error') return frames;
    }
  }

  subscribe(id: string, query: string, variables?: Readonly<Record<string, unknown>>): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  async close(): Promise<void> {
    this.webSocket.close();
    await this.closed;
  }
}

/** Connected and acknowledged. */
export async function connect(url: string, token: string): Promise<TestSocket> {
  const socket = await new TestSocket(url).opened();
  socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
  const acknowledged = await socket.next();
  if (acknowledged.type !== 'connection_ack') throw new Error(`not acknowledged: ${acknowledged.type}`);
  return socket;
}
