import type { ChatOutcome, ToolCall } from '../../domain/ports/models.ts';

const TOOL_CALLS_MAX = 16;
const ARGUMENTS_LENGTH_MAX = 65_536;

/** The server's stream is not what the protocol says, or it says that it failed. */
export class MalformedStreamError extends Error {
  override readonly name = 'MalformedStreamError';
}
/** An object of the stream, of which nothing is known but what its fields are called. */
type Fields = {
  readonly [name in
    | 'arguments'
    | 'choices'
    | 'completion_tokens'
    | 'content'
    | 'delta'
    | 'error'
    | 'finish_reason'
    | 'function'
    | 'id'
    | 'index'
    | 'name'
    | 'prompt_tokens'
    | 'tool_calls'
    | 'usage']?: unknown;
};
interface PartialCall {
  id: string;
  name: string;
  arguments: string;
}

/**
 * Puts the chunks of one chat completion together. Each is checked by hand as it is read: a schema library would cost
 * more per delta than everything else does.
 */
export class CompletionReader {
  readonly #onDelta: (text: string) => void;
  readonly #calls = new Map<number, PartialCall>();
  #finish: string | undefined;
  #usage: ChatOutcome['usage'];
  #done = false;
  #pieceCount = 0;

  constructor(onDelta: (text: string) => void) {
    this.#onDelta = onDelta;
  }

  /** `[DONE]` was read. */
  get done(): boolean {
    return this.#done;
  }
  /** Pieces of text and of tool calls so far. From the first one on, a retry would repeat what was passed on. */
  get pieceCount(): number {
    return this.#pieceCount;
  }

  /** One event's data. Throws MalformedStreamError. */
  push(data: string): void {
    if (data === '[DONE]') {
      this.#done = true;
      return;
    }
    const chunk = asRecord(parse(data));
    if (chunk === undefined) throw new MalformedStreamError('a chunk is not an object');
    if (chunk.error !== undefined && chunk.error !== null) {
      throw new MalformedStreamError('the server reported an error in the stream');
    }
    this.#readUsage(asRecord(chunk.usage));
    const { choices } = chunk;
    const choice = Array.isArray(choices) ? asRecord(choices[0]) : undefined;
    if (choice === undefined) return;
    if (typeof choice.finish_reason === 'string') this.#finish = choice.finish_reason;
    this.#readDelta(asRecord(choice.delta));
  }

  /** Throws MalformedStreamError if the stream ended before the answer did. */
  outcome(): ChatOutcome {
    if (this.#finish === undefined && !this.#done) {
      throw new MalformedStreamError('the stream ended before the answer');
    }
    const toolCalls: ToolCall[] = [...this.#calls.values()].filter((call) => call.name !== '');
    // Some servers say "stop" when they mean that tools are to be called.
    const finish = toolCalls.length > 0 ? 'tool-calls' : this.#finish === 'length' ? 'length' : 'stop';
    return { finish, toolCalls, usage: this.#usage };
  }

  #readDelta(delta: Fields | undefined): void {
    if (delta === undefined) return;
    const content = delta.content;
    if (typeof content === 'string' && content !== '') {
      this.#pieceCount += 1;
      this.#onDelta(content);
    }
    const calls = delta.tool_calls;
    if (Array.isArray(calls)) for (const call of calls) this.#readCall(asRecord(call));
  }

  #readCall(piece: Fields | undefined): void {
    if (piece === undefined) return;
    this.#pieceCount += 1;
    const index = typeof piece.index === 'number' ? piece.index : this.#calls.size;
    const call = this.#calls.get(index) ?? { id: `call_${index}`, name: '', arguments: '' };
    if (!this.#calls.has(index) && this.#calls.size >= TOOL_CALLS_MAX) {
      throw new MalformedStreamError('too many tool calls');
    }
    this.#calls.set(index, call);
    if (typeof piece.id === 'string' && piece.id !== '') call.id = piece.id;
    const named = asRecord(piece.function);
    if (typeof named?.name === 'string') call.name += named.name;
    if (typeof named?.arguments === 'string') call.arguments += named.arguments;
    if (call.arguments.length > ARGUMENTS_LENGTH_MAX) {
      throw new MalformedStreamError('the arguments of a tool call are too long');
    }
  }

  #readUsage(usage: Fields | undefined): void {
    const inputTokens = usage?.prompt_tokens;
    const outputTokens = usage?.completion_tokens;
    if (!isCount(inputTokens) || !isCount(outputTokens)) return;
    this.#usage = { inputTokens, outputTokens };
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new MalformedStreamError('a chunk is not JSON', { cause });
  }
}

function asRecord(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
