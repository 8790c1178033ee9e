import { setTimeout as sleep } from 'node:timers/promises';
import type { MultiDbClient } from '../../../src/client/index.ts';
import { SeededRandom } from '../../support/random.ts';

interface Known {
  readonly id: string;
  readonly question: string;
}
const FIRST = 10;
const DOCUMENTS_MAX = 140;
const WORDS = `harbour lantern orchard granite violin compass meadow furnace glacier saffron pebble cathedral
  sparrow canyon velvet thunder walnut copper lagoon ember tundra willow anchor prairie marble falcon cedar beacon
  quartz ivory nectar cobalt summit juniper raven delta opal maple drift hollow`.split(/\s+/);

/**
 * Searches that never stop, while documents come and go. A document is asked for by words of its own, by meaning alone
 * and by both; from the moment it is READY until somebody deletes it, it has to be among the ten best.
 */
export class Traffic {
  readonly problems: string[] = [];
  searchCount = 0;
  readonly #client: MultiDbClient;
  readonly #random = new SeededRandom(7);
  readonly #known = new Map<string, Known>();
  readonly #loops: Promise<void>[] = [];
  #written = 0;
  #stopped = false;

  constructor(client: MultiDbClient) {
    this.#client = client;
  }

  get documentCount(): number {
    return this.#known.size;
  }

  async ingest(): Promise<void> {
    this.#written += 1;
    const name = `note ${this.#written}`;
    const words = Array.from({ length: 8 }, () => this.#pick(WORDS)).join(' ');
    const text = `This is ${name}. ${words} marker${this.#written} ${words}.`;
    const { document } = await this.#client.ingest({ text }, { title: name }).accepted;
    for await (const event of this.#client.documents.events(document.id)) {
      if (event.status === 'FAILED') this.problems.push(`document ${document.id} failed: ${event.message}`);
    }
    this.#known.set(document.id, { id: document.id, question: text });
  }

  start(): void {
    const loops = [() => this.#search(), () => this.#search(), () => this.#comeAndGo()];
    this.#loops.push(...loops.map((one) => this.#repeat(one)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** Every document that is there, by meaning alone. */
  async searchAll(): Promise<void> {
    for (const known of this.#known.values()) await this.#ask(known, 'VECTOR');
  }

  async #repeat(one: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await one().catch((error) => this.problems.push(`${String(error)}`));
      await sleep(5);
    }
  }

  async #search(): Promise<void> {
    const known = this.#pick([...this.#known.values()]);
    await this.#ask(known, this.#random.fraction() < 0.5 ? 'VECTOR' : 'HYBRID');
  }

  async #ask({ id, question }: Known, mode: 'VECTOR' | 'HYBRID'): Promise<void> {
    const passages = await this.#client.search(question, { first: FIRST, mode });
    this.searchCount += 1;
    const isFound = passages.some(({ document }) => document?.id === id);
    if (!isFound && this.#known.has(id)) this.problems.push(`${mode} did not find ${id}: ${question}`);
  }

  async #comeAndGo(): Promise<void> {
    if (this.#known.size < DOCUMENTS_MAX) await this.ingest();
    if (this.#random.fraction() < 0.3) {
      const { id } = this.#pick([...this.#known.values()]);
      this.#known.delete(id);
      await this.#client.documents.remove(id);
    }
    await sleep(100);
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random.fraction() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}
