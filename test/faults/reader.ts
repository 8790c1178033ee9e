import type { MultiDbClient, RunEvent } from '../../src/client/index.ts';
import type { ChaosNode, Fleet } from './fleet.ts';
import type { Gate } from './gate.ts';

/** How long a load balancer takes to find out that a node no longer answers. */
const HEALTH_CHECK_MS = 1_500;

export interface ReadPlan {
  /** Cut the socket after every so many events; 0: never. */
  readonly cutEvery: number;
  /** Sent away from a stopped node by the health check, or left there until it wakes. */
  readonly healthChecked: boolean;
  readonly signal: AbortSignal;
}

/** A client that watches one run after the other and writes down what it was shown, and when. */
export class Reader {
  events: RunEvent[] = [];
  /** Milliseconds since the epoch, one an event. */
  arrivals: number[] = [];
  textLength = 0;
  readonly gate: Gate;
  readonly client: MultiDbClient;
  readonly #fleet: Fleet;
  /** Never on a node that is down: what it measures is the servers' doing alone. */
  readonly #isObserver: boolean;

  constructor(fleet: Fleet, gate: Gate, client: MultiDbClient, isObserver: boolean) {
    this.#fleet = fleet;
    this.gate = gate;
    this.client = client;
    this.#isObserver = isObserver;
  }

  begin(): void {
    this.events = [];
    this.arrivals = [];
    this.textLength = 0;
  }

  /** Resolves when the stream has ended; what was seen of it is in `events`. */
  async read(runId: string, victim: ChaosNode, plan: ReadPlan): Promise<void> {
    this.gate.avoid = this.#isObserver ? victim : undefined;
    const timers = new Set<NodeJS.Timeout>();
    const unlisten = this.#fleet.onDown((node) => {
      if (this.#isObserver) this.gate.cut(node);
      else if (plan.healthChecked) timers.add(setTimeout(() => this.gate.cut(node), HEALTH_CHECK_MS));
    });
    try {
      for await (const event of this.client.watch(runId, { signal: plan.signal })) {
        this.events.push(event);
        this.arrivals.push(Date.now());
        if (event.__typename === 'TokenDelta') this.textLength += event.text.length;
        if (plan.cutEvery > 0 && this.events.length % plan.cutEvery === 0) this.gate.cut();
      }
    } finally {
      unlisten();
      for (const timer of timers) clearTimeout(timer);
    }
  }

  close(): void {
    this.client.close();
    this.gate.close();
  }
}
