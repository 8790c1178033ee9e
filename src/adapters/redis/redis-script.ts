import { hash } from 'node:crypto';
import type { RedisConnection } from './redis-connection.ts';
import { isUnknownScript } from './redis-errors.ts';

/** A program for the server. Its text travels only when the server does not know it: once per start of the server. */
export class RedisScript {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source;
    this.#sha = hash('sha1', source, 'hex');
  }

  async run(
    connection: RedisConnection,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    const values = args.map((arg) => (typeof arg === 'number' ? String(arg) : arg));
    const rest = [String(keys.length), ...keys, ...values];
    try {
      return await connection.send(['EVALSHA', this.#sha, ...rest]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return connection.send(['EVAL', this.#source, ...rest]);
    }
  }
}
