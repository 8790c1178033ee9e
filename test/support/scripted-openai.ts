import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What the server does with one request. Fields that are left out: an answer of a few words, at once. */
export interface ScriptedAnswer {
  /** Pieces of text, one chunk of the stream each. */
  readonly deltas?: readonly string[];
  readonly toolCalls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly finish?: 'stop' | 'length' | 'tool_calls';
  /** null: a server that reports none, though asked. */
  readonly usage?: { readonly input: number; readonly output: number } | null;
  /** One delta each; undefined: everything in one write. */
  readonly paceMs?: number;
  /** Refuse instead of answering. */
  readonly status?: number;
  readonly retryAfter?: string;
  /** What goes wrong once so many deltas are out; -1: before the response begins. */
  readonly fault?: {
    readonly kind: 'reset' | 'stall' | 'malformed' | 'error' | 'truncate';
    readonly after: number;
  };
  /** Writes of so many bytes, so that lines, characters and escapes are cut anywhere; without pace and fault. */
  readonly writeBytes?: number;
}
/** The parsed body of a request, as far as tests look at it. */
export interface ScriptedRequest {
  readonly model: string;
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly tools?: readonly unknown[];
  readonly stream: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly max_tokens?: number;
  readonly headers: IncomingMessage['headers'];
}
type Script = (request: ScriptedRequest, index: number) => ScriptedAnswer;

const DEFAULT_DELTAS = ['Scripted', ' answer', '.'];
const created = 1_767_225_600;

/**
 * An OpenAI-compatible chat server on loopback that answers by script, in the real wire format. Streams are composed
 * once per answer object and written with as few calls as the pace allows, so that it costs a bench next to nothing.
 */
export class ScriptedOpenAi {
  readonly url: string;
  readonly requests: ScriptedRequest[] = [];
  /** Requests whose connection the client closed before the end. */
  abortedCount = 0;
  #script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #composed = new WeakMap<ScriptedAnswer, Composed>();

  private constructor(server: Server, script: Script) {
    this.#server = server;
    this.#script = script;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  }

  static async start(script: Script = () => ({}), port = 0): Promise<ScriptedOpenAi> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const scripted = new ScriptedOpenAi(server, script);
    server.on('connection', (socket) => {
      scripted.#sockets.add(socket);
      socket.once('close', () => scripted.#sockets.delete(socket));
    });
    server.on('request', (request, response) => scripted.#handle(request, response));
    return scripted;
  }

  /** Answers in this order; the last one again and again. */
  answer(...answers: readonly ScriptedAnswer[]): void {
    const first = this.requests.length;
    this.#script = (_request, index) => answers[Math.min(index - first, answers.length - 1)] ?? {};
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as Omit<ScriptedRequest, 'headers'>;
      const scripted = { ...body, headers: request.headers };
      const index = this.requests.push(scripted) - 1;
      response.once('close', () => {
        if (!response.writableFinished) this.abortedCount += 1;
      });
      this.#reply(response, this.#script(scripted, index), body);
    });
  }

  #reply(
    response: ServerResponse,
    answer: ScriptedAnswer,
    body: Pick<ScriptedRequest, 'model' | 'stream_options'>,
  ): void {
    if (answer.status !== undefined) refuse(response, answer.status, answer.retryAfter);
    else if (answer.fault?.after === -1) breakOff(response, answer.fault.kind);
    else send(response, answer, this.#compose(answer, body));
  }

  #compose(answer: ScriptedAnswer, body: Pick<ScriptedRequest, 'model' | 'stream_options'>): Composed {
    const known = this.#composed.get(answer);
    if (known) return known;
    const composed = compose(answer, body.model, body.stream_options?.include_usage === true);
    this.#composed.set(answer, composed);
    return composed;
  }
}

interface Composed {
  /** The opening chunk joined to the first of these. */
  readonly deltas: readonly Buffer[];
  readonly tail: Buffer;
}

function compose(answer: ScriptedAnswer, model: string, withUsage: boolean): Composed {
  const deltas = answer.deltas ?? (answer.toolCalls ? [] : DEFAULT_DELTAS);
  const choice = (delta: unknown, finish_reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason },
  ];
  const line = (choices: unknown, usage: unknown = null) =>
    `data: ${JSON.stringify({ id: 'chatcmpl-scripted', object: 'chat.completion.chunk', created, model, service_tier: 'default', system_fingerprint: 'fp_0000000000', choices, ...(withUsage ? { usage } : {}) })}\n\n`;
  const opening = line(choice({ role: 'assistant', content: '', refusal: null }));
  const texts = deltas.map((content) => line(choice({ content })));
  const calls = (answer.toolCalls ?? []).flatMap((call, index) =>
    toolDeltas(call, index).map((d) => line(choice(d))),
  );
  const finish = answer.finish ?? (answer.toolCalls ? 'tool_calls' : 'stop');
  const usage = answer.usage === undefined ? { input: 100, output: deltas.length } : answer.usage;
  const usageLine =
    usage === null || !withUsage
      ? ''
      : line([], {
          prompt_tokens: usage.input,
          completion_tokens: usage.output,
          total_tokens: usage.input + usage.output,
        });
  const tail = `${calls.join('')}${line(choice({}, finish))}${usageLine}data: [DONE]\n\n`;
  if (texts.length === 0) return { deltas: [], tail: Buffer.from(opening + tail) };
  const buffers = texts.map((text, index) => Buffer.from(index === 0 ? opening + text : text));
  return { deltas: buffers, tail: Buffer.from(tail) };
}

/** As the real server sends them: the name first, then the arguments in pieces. */
function toolDeltas(call: { id: string; name: string; arguments: string }, index: number): unknown[] {
  const half = Math.ceil(call.arguments.length / 2);
  const piece = (text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] });
  const head = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } };
  return [{ tool_calls: [head] }, piece(call.arguments.slice(0, half)), piece(call.arguments.slice(half))];
}

function send(response: ServerResponse, answer: ScriptedAnswer, { deltas, tail }: Composed): void {
  const { fault, paceMs, writeBytes } = answer;
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  const before = fault ? deltas.slice(0, fault.after) : deltas;
  const finish = () => {
    if (fault) breakOff(response, fault.kind);
    else response.end(tail);
  };
  if (paceMs !== undefined) pace(response, before, paceMs, finish);
  else if (writeBytes !== undefined) void drip(response, Buffer.concat([...before, tail]), writeBytes);
  else if (fault) response.write(Buffer.concat(before), finish);
  else response.end(Buffer.concat([...before, tail]));
}

function refuse(response: ServerResponse, status: number, retryAfter: string | undefined): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
  });
  response.end(JSON.stringify({ error: { message: `scripted ${status}`, type: 'scripted', code: null } }));
}

function breakOff(
  response: ServerResponse,
  kind: 'reset' | 'stall' | 'malformed' | 'error' | 'truncate',
): void {
  if (kind === 'stall') response.flushHeaders();
  else if (kind === 'malformed') response.end('data: {"choices":[{"delta":{"content":\n\n');
  else if (kind === 'error') response.end('data: {"error":{"message":"scripted","type":"server_error"}}\n\n');
  else if (kind === 'truncate') response.end();
  else response.socket?.resetAndDestroy();
}

function pace(response: ServerResponse, deltas: readonly Buffer[], paceMs: number, finish: () => void): void {
  let next = 0;
  const timer = setInterval(() => {
    const delta = deltas[next];
    next += 1;
    if (delta) response.write(delta);
    else {
      clearInterval(timer);
      finish();
    }
  }, paceMs);
  response.once('close', () => clearInterval(timer));
}

async function drip(response: ServerResponse, bytes: Buffer, writeBytes: number): Promise<void> {
  for (let start = 0; start < bytes.length && !response.destroyed; start += writeBytes) {
    response.write(bytes.subarray(start, start + writeBytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}
