import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const EMBEDDING_DIMENSIONS = 16;

/** An OpenAI-compatible embedding server on loopback: a text's vector is made of its hash, and every text is counted. */
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
      const digest = createHash('sha256').update(text).digest();
      const embedding = Array.from(digest.subarray(0, EMBEDDING_DIMENSIONS), (byte) => byte / 128 - 1);
      return { object: 'embedding', index, embedding };
    });
    return JSON.stringify({ object: 'list', model, data, usage: { prompt_tokens: 1, total_tokens: 1 } });
  }
}
