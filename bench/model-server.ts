/**
 * An OpenAI-compatible chat server for load: streams composed beforehand, one write a delta, no timers unless paced. It
 * lives in the load's process, so that the server under measurement pays nothing for it.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ModelServer {
  /** What OPENAI_BASE_URL wants. */
  readonly url: string;
  close(): Promise<void>;
}
export interface ModelScript {
  readonly deltaCount: number;
  /** undefined: all deltas as fast as the socket takes them, each its own write. */
  readonly paceMs?: number;
  /** Deltas say when they were sent, as `sentAt` reads it. */
  readonly stamped?: boolean;
}

const WORDS = ['of', ' documents', ' and', ' their', ' passages', ' the', ' answer', ' quotes'];

export async function startModelServer(script: ModelScript): Promise<ModelServer> {
  const stream = composed(script.deltaCount);
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      // As on the wire of a real model server: no waiting for more to send.
      response.socket?.setNoDelay(true);
      if (script.paceMs === undefined) burst(response, stream);
      else pace(response, stream, script.paceMs, script.stamped === true);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Composed {
  readonly deltas: readonly Buffer[];
  readonly tail: Buffer;
}

function composed(deltaCount: number): Composed {
  const deltas = Array.from({ length: deltaCount }, (_, index) => {
    const text = WORDS[index % WORDS.length] ?? '';
    return Buffer.from(index === 0 ? opening() + delta(text) : delta(text));
  });
  const usage = { prompt_tokens: 900, completion_tokens: deltaCount, total_tokens: 900 + deltaCount };
  const finish = line([{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }]);
  return { deltas, tail: Buffer.from(`${finish}${line([], usage)}data: [DONE]\n\n`) };
}

function opening(): string {
  const role = { role: 'assistant', content: '', refusal: null };
  return line([{ index: 0, delta: role, logprobs: null, finish_reason: null }]);
}

function delta(content: string): string {
  return line([{ index: 0, delta: { content }, logprobs: null, finish_reason: null }]);
}

function line(choices: unknown, usage: unknown = null): string {
  const chunk = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_767_225_600,
    model: 'bench',
    service_tier: 'default',
    system_fingerprint: 'fp_0000000000',
    choices,
    usage,
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function burst(response: ServerResponse, { deltas, tail }: Composed): void {
  for (const buffer of deltas) response.write(buffer);
  response.end(tail);
}

function pace(response: ServerResponse, stream: Composed, paceMs: number, stamped: boolean): void {
  let next = 0;
  const timer = setInterval(() => {
    const buffer = stream.deltas[next];
    next += 1;
    if (buffer !== undefined) response.write(stamped ? stampedDelta(next === 1) : buffer);
    else {
      clearInterval(timer);
      response.end(stream.tail);
    }
  }, paceMs);
  response.once('close', () => clearInterval(timer));
}

/** Nine characters: tenths of a millisecond since this process began, and a space. */
const STAMP_LENGTH = 9;
const [STAMPED_BEFORE = '', STAMPED_AFTER = ''] = delta('#').split('#');

function stampedDelta(isFirst: boolean): string {
  const text = `${STAMPED_BEFORE}${stamp()}${STAMPED_AFTER}`;
  return isFirst ? opening() + text : text;
}

function stamp(): string {
  return `${String(Math.round(performance.now() * 10)).padStart(STAMP_LENGTH - 1, '0')} `;
}

/** Milliseconds, on this process's clock, of every stamp in a text that may join several deltas. */
export function sentAt(text: string): number[] {
  return (text.match(/\d{8}/g) ?? []).map((digits) => Number(digits) / 10);
}
