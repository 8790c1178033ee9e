import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const EMBEDDING_DIMENSIONS = 16;
/** A model of this name understands something: texts with common words have similar vectors. */
export const WORDS_MODEL = 'words';
export const WORDS_DIMENSIONS = 96;

/** An OpenAI-compatible embedding server on loopback: vectors are noise (or `words`), and every text is counted. */
export class ScriptedEmbeddings {
  readonly url: string;
  /** How often each text was asked for. */
  readonly counts = new Map<string, number>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  }

  /** Every answer waits `delayMs`, as a real one would. */
  static async start(delayMs: number): Promise<ScriptedEmbeddings> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const scripted = new ScriptedEmbeddings(server);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const part of request.setEncoding('utf8')) body += part;
      const answer = scripted.#answer(JSON.parse(body) as { input: string | string[]; model: string });
      setTimeout(() => {
        response.setHeader('content-type', 'application/json').end(answer);
      }, delayMs);
    });
    return scripted;
  }

  get textCount(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer({ input, model }: { input: string | string[]; model: string }): string {
    const data = [input].flat().map((text, index) => {
      this.counts.set(text, (this.counts.get(text) ?? 0) + 1);
      const embedding = model === WORDS_MODEL ? wordsOf(text) : noiseOf(text);
      return { object: 'embedding', index, embedding };
    });
    return JSON.stringify({ object: 'list', model, data, usage: { prompt_tokens: 1, total_tokens: 1 } });
  }
}

/** The same text has the same vector, and that is all there is to it. */
function noiseOf(text: string): number[] {
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, EMBEDDING_DIMENSIONS), (byte) => byte / 128 - 1);
}

function wordsOf(text: string): number[] {
  const counts = Array.from({ length: WORDS_DIMENSIONS }, () => 0);
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    const place = createHash('sha256').update(word).digest().readUInt32BE(0) % WORDS_DIMENSIONS;
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}
