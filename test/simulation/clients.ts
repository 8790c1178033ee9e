import { DomainError } from '../../src/domain/errors.ts';
import type { RunId } from '../../src/domain/ids.ts';
import { isTerminal, type RunEvent } from '../../src/domain/run.ts';
import type { Feed } from '../../src/planes/services.ts';
import type { Dice } from './dice.ts';
import type { Nodes, SimNode } from './nodes.ts';
import type { SimClock } from './sim-clock.ts';
import { questionOf } from './sim-model.ts';
import type { Tenant } from './simulation.ts';
import type { Report } from './witness.ts';

const RUNS_A_TENANT = 4;
const BEGIN_MAX_MS = 25_000;
const PAUSE_MAX_MS = 900;
const CALL_MAX_MS = 8_000;
const PATIENCE_MAX_MS = 15_000;

interface ClientsDeps {
  readonly nodes: Nodes;
  readonly dice: Dice;
  readonly clock: SimClock;
  readonly report: Report;
  readonly tenants: readonly Tenant[];
}
/** One message of one user, and what came of it. */
export interface Story {
  readonly tenant: Tenant;
  readonly question: string;
  readonly runIds: Set<RunId>;
  readonly seen: (readonly RunEvent[])[];
  isRefused: boolean;
  isDone: boolean;
}
const GONE: unique symbol = Symbol('gone');
type Gone = typeof GONE;

/** Users who repeat what got lost, lose their sockets, come back elsewhere, and pry into what is not theirs. */
export class Clients {
  readonly stories: Story[] = [];
  readonly #deps: ClientsDeps;

  constructor(deps: ClientsDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { tenants } = this.#deps;
    const stories = tenants.flatMap((tenant) =>
      Array.from(
        { length: RUNS_A_TENANT },
        (_, index): Story => ({
          ...{ tenant, question: questionOf(tenant.name, index), runIds: new Set(), seen: [] },
          ...{ isRefused: false, isDone: false },
        }),
      ),
    );
    this.stories.push(...stories);
    await Promise.all(stories.map((story, index) => this.#live(story, index)));
  }

  async #live(story: Story, index: number): Promise<void> {
    const { clock, dice } = this.#deps;
    await clock.sleep(dice.upTo(BEGIN_MAX_MS));
    const senders = Array.from({ length: 1 + dice.upTo(2) }, () => this.#send(story, `key-${index}`));
    const runId = (await Promise.all(senders)).find((sent) => sent !== undefined);
    if (runId !== undefined) {
      const stop = dice.chance(0.15) ? this.#stop(story, runId) : undefined;
      await Promise.all([
        this.#watch(story, runId),
        this.#watch(story, runId),
        this.#pry(story, runId),
        stop,
      ]);
    }
    story.isDone = true;
  }

  /** Until somebody answers; undefined: refused for the quota. */
  async #send(
    { tenant, question, runIds, ...story }: Story,
    idempotencyKey: string,
  ): Promise<RunId | undefined> {
    for (;;) {
      const outcome = await this.#ask((node) =>
        node.plane.runs.sendMessage(tenant.principal, { text: question, idempotencyKey }),
      );
      if (outcome !== GONE && outcome.kind === 'sent') {
        runIds.add(outcome.run.id);
        return outcome.run.id;
      }
      if (outcome !== GONE && outcome.kind === 'quota-exceeded') {
        story.isRefused = true;
        return undefined;
      }
      if (outcome !== GONE) this.#deps.report('S2', `${question} was answered ${outcome.kind}`);
      await this.#pause();
    }
  }

  async #watch(story: Story, runId: RunId): Promise<void> {
    const { principal } = story.tenant;
    const seen: RunEvent[] = [];
    story.seen.push(seen);
    for (;;) {
      const last = seen.at(-1);
      if (last && isTerminal(last)) return;
      const after = last?.sequence ?? -1;
      let node: SimNode | undefined;
      let isGone = false;
      const feed = await this.#ask(async (asked) => {
        node = asked;
        const opened = await asked.plane.runs.watch(principal, runId, after);
        // As a server does for a socket that went away while it answered.
        if (isGone) opened.close();
        return opened;
      });
      isGone = feed === GONE;
      if (feed === GONE || !node) await this.#pause();
      else await this.#read(feed, node, seen);
    }
  }

  /** Until the feed ends, its node dies, or the socket is lost. */
  async #read(feed: Feed<RunEvent>, node: SimNode, seen: RunEvent[]): Promise<void> {
    const { dice, clock } = this.#deps;
    for (;;) {
      const impatience = new AbortController();
      const patience = clock.sleep(PATIENCE_MAX_MS, impatience.signal).catch(() => undefined);
      const batch = await Promise.race([
        feed.next().catch(() => GONE),
        node.life.died.then(() => GONE),
        patience.then(() => GONE),
      ]);
      impatience.abort();
      if (batch === GONE || batch === undefined || typeof batch === 'symbol') break;
      seen.push(...batch);
      if (dice.chance(0.1)) break;
    }
    feed.close();
  }

  async #stop({ tenant }: Story, runId: RunId): Promise<void> {
    const { clock, dice } = this.#deps;
    await clock.sleep(dice.upTo(3_000));
    await this.#ask((node) => node.plane.runs.stop(tenant.principal, runId));
  }

  /** Another workspace's run is not there, whatever happens. */
  async #pry({ tenant }: Story, runId: RunId): Promise<void> {
    const { tenants, report, clock, dice } = this.#deps;
    const other = tenants.find(({ name }) => name !== tenant.name);
    if (!other) return;
    await clock.sleep(dice.upTo(2_000));
    const looks = [
      (node: SimNode) => node.plane.runs.get(other.principal, runId),
      (node: SimNode) => node.plane.runs.watch(other.principal, runId, -1),
      (node: SimNode) => node.plane.runs.stop(other.principal, runId),
    ];
    for (const look of looks) {
      if ((await this.#ask<unknown>(look)) !== GONE) report('S4', `${other.name} got at ${runId}`);
    }
  }

  /** One call of one node; GONE: it failed, died or took too long, and nobody knows what it did. */
  async #ask<T>(call: (node: SimNode) => Promise<T>): Promise<T | Gone> {
    const { nodes, dice, clock, report } = this.#deps;
    const node = dice.pick(nodes.all);
    if (!node) return GONE;
    const over = new AbortController();
    const deadline = clock.sleep(CALL_MAX_MS, over.signal).catch(() => undefined);
    const outcome = await Promise.race<T | Gone>([
      call(node).catch((error: unknown) => {
        if (!(error instanceof DomainError)) report('liveness', `unexpected ${String(error)}`);
        return GONE as Gone;
      }),
      node.life.died.then(() => GONE as Gone),
      deadline.then(() => GONE as Gone),
    ]);
    over.abort();
    return outcome;
  }

  async #pause(): Promise<void> {
    const { clock, dice } = this.#deps;
    await clock.sleep(1 + dice.upTo(PAUSE_MAX_MS));
  }
}
