import { randomBytes } from 'node:crypto';
import { MultiDbClient, memoryTokenStore } from '../../src/client/index.ts';
import { SeededRandom } from '../support/random.ts';
import type { ChaosNode, Fleet } from './fleet.ts';
import { Gate } from './gate.ts';
import { Reader } from './reader.ts';
import { addUsage, dueUsage, type Totals } from './run-checks.ts';

/** Runs a trial has at most, and readers a run. */
export const RUNS_MAX = 3;
export const READERS = 2;
const RETRY = { attemptCountMax: 2_000, firstDelayMs: 10, delayMaxMs: 100 };
const TIMEOUT_MS = 3_000;
const CREATE_KEY = `mutation { createApiKey(input: { name: "chaos", role: OWNER, scopes: [READ, CHAT] }) { secret } }`;

/** A workspace of its own with its clients: one trial after another. Several lanes share a fleet. */
export class Lane {
  readonly fleet: Fleet;
  /** Readers of each run; the first of a run stays away from nodes that are about to be hurt. */
  readonly readers: readonly (readonly Reader[])[];
  readonly client: MultiDbClient;
  due: Totals = { messages: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 };
  readonly #apiKey: string;
  readonly #gate: Gate;
  readonly #pinned = new Map<string, MultiDbClient>();

  private constructor(fleet: Fleet, apiKey: string, gate: Gate, readers: readonly (readonly Reader[])[]) {
    this.fleet = fleet;
    this.#apiKey = apiKey;
    this.#gate = gate;
    this.readers = readers;
    this.client = keyed(gate.url, apiKey);
  }

  static async open(fleet: Fleet, seed: number): Promise<Lane> {
    const random = new SeededRandom(seed);
    const pick = () => random.fraction();
    const gate = await Gate.open(fleet, pick);
    const address = () => fleet.ready()[0]?.url ?? gate.url;
    // Once more when the machine was too busy to hash a password in time.
    const apiKey = await signUp(address()).catch(() => signUp(address()));
    const readers = await Promise.all(
      Array.from({ length: RUNS_MAX }, () =>
        Promise.all(
          Array.from({ length: READERS }, async (_, index) => {
            const own = await Gate.open(fleet, pick);
            return new Reader(fleet, own, keyed(own.url, apiKey), index === 0);
          }),
        ),
      ),
    );
    return new Lane(fleet, apiKey, gate, readers);
  }

  /** Speaks to this node and no other. */
  clientOf(node: ChaosNode): MultiDbClient {
    const known = this.#pinned.get(node.url);
    if (known) return known;
    const client = keyed(node.url, this.#apiKey);
    this.#pinned.set(node.url, client);
    return client;
  }

  owe(...usage: Parameters<typeof dueUsage>): void {
    this.due = addUsage(this.due, dueUsage(...usage));
  }

  close(): void {
    for (const reader of this.readers.flat()) reader.close();
    for (const client of [this.client, ...this.#pinned.values()]) client.close();
    this.#gate.close();
  }
}

function keyed(url: string, apiKey: string): MultiDbClient {
  const client = new MultiDbClient({ url, retry: RETRY, timeoutMs: TIMEOUT_MS });
  client.useApiKey(apiKey);
  return client;
}

/** A key is good on every node, whoever signed the session in which it was made. */
async function signUp(url: string): Promise<string> {
  const tokenStore = memoryTokenStore();
  const client = new MultiDbClient({ url, tokenStore });
  const name = randomBytes(8).toString('hex');
  await client.signUp(`${name}@example.com`, `the password of ${name}`);
  const tokens = await tokenStore.load();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${tokens?.accessToken}` },
    body: JSON.stringify({ query: CREATE_KEY }),
  });
  const body = await response.text();
  client.close();
  const { data } = JSON.parse(body) as { data?: { createApiKey: { secret: string } } };
  if (!data) throw new Error(`no API key: ${body}`);
  return data.createApiKey.secret;
}
