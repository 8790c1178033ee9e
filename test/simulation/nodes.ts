import type { ServingPlane } from '../../src/planes/serving/serving-plane.ts';
import { createNode, type World } from '../integration/serving/world.ts';
import type { Dice } from './dice.ts';
import { type FaultRates, Life } from './faulty-ports.ts';
import type { SimClock } from './sim-clock.ts';
import { MODEL_ID, PRICE, SimModel } from './sim-model.ts';
import type { Report } from './witness.ts';

const NODE_COUNT = 3;
export const NODE_LIMITS = { runConcurrencyMax: 4, runQueueLengthMax: 4 } as const;
const LEASE_MS = 3_000;
const CALM_MAX_MS = 4_000;
const RESTART_MAX_MS = 4_000;
/** Far beyond the lease: whoever wakes finds its runs taken over. */
const FROZEN_MAX_MS = 12_000;
const DRAIN_MAX_MS = 2_000;

export interface SimNode {
  readonly life: Life;
  readonly plane: ServingPlane;
}
interface NodesDeps {
  readonly world: World;
  readonly dice: Dice;
  readonly clock: SimClock;
  readonly report: Report;
  readonly rates: () => FaultRates;
}

/** The processes of the simulation: started, killed, frozen, drained, and started again. */
export class Nodes {
  crashCount = 0;
  readonly #deps: NodesDeps;
  #nodes: SimNode[] = [];
  #startedCount = 0;
  #isCalm = false;

  constructor(deps: NodesDeps) {
    this.#deps = deps;
  }

  /** Living, or frozen, which nobody can tell from slow. */
  get all(): readonly SimNode[] {
    return this.#nodes;
  }

  start(): void {
    for (let index = 0; index < NODE_COUNT; index += 1) this.#startOne();
  }

  /** One fault of a process after the other until the given time; then all are made well. */
  async disturb(until: number): Promise<void> {
    const { clock, dice } = this.#deps;
    while (clock.now() < until) {
      await clock.sleep(Math.min(dice.upTo(CALM_MAX_MS), until - clock.now()));
      const node = dice.pick(this.#nodes);
      if (node && clock.now() < until) await this.#hurt(node);
    }
    this.#isCalm = true;
    for (const { life } of this.#nodes) life.thaw();
    while (this.#nodes.length < NODE_COUNT) this.#startOne();
  }

  async #hurt(node: SimNode): Promise<void> {
    const { clock, dice } = this.#deps;
    const { life, plane } = node;
    const kind = dice.pick(['crash', 'crash', 'freeze', 'freeze', 'drain'] as const);
    dice.note(`${clock.now()} ${kind} ${life.name}`);
    if (kind === 'freeze') {
      life.freeze();
      void clock.sleep(dice.upTo(FROZEN_MAX_MS)).then(() => life.thaw());
      return;
    }
    if (kind === 'drain') {
      const waited = clock.sleep(4 * DRAIN_MAX_MS);
      await Promise.race([plane.executor.drain(dice.upTo(DRAIN_MAX_MS)), life.died, waited]);
    }
    this.#kill(node);
    void clock.sleep(dice.upTo(RESTART_MAX_MS)).then(() => {
      if (!this.#isCalm) this.#startOne();
    });
  }

  #kill(node: SimNode): void {
    this.crashCount += 1;
    this.#nodes = this.#nodes.filter((other) => other !== node);
    node.life.kill();
  }

  #startOne(): void {
    const { world, dice, clock, report, rates } = this.#deps;
    this.#startedCount += 1;
    const name = `node-${this.#startedCount}`;
    const life = new Life(name, { dice, clock, rates });
    const nodeClock = life.clock();
    const plane = createNode(
      world,
      {
        runs: life.wrap('runs', world.runs),
        chatLog: life.wrap('chatLog', world.chatLog),
        runEventLog: life.wrap('runEventLog', world.runEventLog),
        clock: nodeClock,
        chatModel: new SimModel(nodeClock, dice, report, () => !this.#isCalm),
      },
      { nodeId: name, leaseMs: LEASE_MS, prices: { [MODEL_ID]: PRICE }, ...NODE_LIMITS },
    );
    this.#nodes.push({ life, plane });
    plane.executor.start();
    dice.note(`${clock.now()} start ${name}`);
  }
}
