import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../src/client/index.ts';
import type { Tokenizer } from '../../src/domain/ports/models.ts';
import type { ChaosNode, Lease } from './fleet.ts';
import type { Lane } from './lane.ts';
import { answerOf } from './model-script.ts';
import type { Reader } from './reader.ts';
import { type Finding, judgeLedger, judgeRun } from './run-checks.ts';
import { SentRun, sendSurely } from './sends.ts';
import type { StoreProxies } from './store-proxies.ts';
import { type Fault, planTrial, type RunPlan, type TrialPlan, trialRandom } from './trial-plan.ts';

/** Only what never ends is lost: a busy machine may take a minute to start a process. */
const TRIAL_MAX_MS = 240_000;
const LEDGER_MAX_MS = 15_000;
const LOOK_MS = 8;
/** Of the repeats of a message; where the others go, another node may win it. */
const VICTIM_DUPLICATES_SHARE = 0.75;
const STOPPED_LEASES_MAX = 6;
const KILLS: ReadonlySet<Fault> = new Set(['SIGKILL', 'SIGSTOP']);

export interface TrialResult {
  readonly plan: TrialPlan;
  /** A process that held one of the trial's live runs was killed, or stopped until another one had it. */
  readonly hit: boolean;
  readonly findings: readonly Finding[];
  readonly takeoverMs: readonly number[];
  /** Until a victim was free, until it was hurt, until everybody had read to the end, and until all was checked. */
  readonly phasesMs: readonly number[];
}
interface LiveRun {
  readonly plan: RunPlan;
  readonly sent: SentRun;
  readonly readers: readonly Reader[];
}

/** One fault while the runs of one lane are made, sent and read; then everything that must hold of them. */
export class Trial {
  readonly #lane: Lane;
  readonly #plan: TrialPlan;
  readonly #pick: () => number;
  /** From when it has its victim. */
  #deadline = AbortSignal.timeout(TRIAL_MAX_MS);
  readonly #runs: readonly LiveRun[];
  readonly #failures: Finding[] = [];
  #faultAt = 0;
  #leases: ReadonlyMap<string, Lease> = new Map();

  constructor(lane: Lane, seed: number, trial: number) {
    this.#lane = lane;
    const plan = planTrial(seed, trial);
    // Where the stores are in the process, it is the process that goes.
    const fault = plan.fault === 'network' && !lane.fleet.hasProxies ? 'SIGKILL' : plan.fault;
    this.#plan = { ...plan, fault };
    const random = trialRandom(seed ^ 0x5bd1e995, trial);
    this.#pick = () => random.fraction();
    this.#runs = this.#plan.runs.map((plan, index) => ({
      plan,
      sent: new SentRun(plan.tag),
      readers: lane.readers[index] ?? [],
    }));
  }

  async perform(tokenizer: Tokenizer): Promise<TrialResult> {
    const { fleet } = this.#lane;
    const marks = [Date.now()];
    const victim = await fleet.reserveVictim(this.#pick(), this.#plan.fault === 'network');
    marks.push(Date.now());
    this.#deadline = AbortSignal.timeout(TRIAL_MAX_MS);
    for (const reader of this.#runs.flatMap(({ readers }) => readers)) reader.begin();
    const work = this.#runs.flatMap((run) => [...this.#sends(run, victim), ...this.#reads(run, victim)]);
    const done = Promise.all(work);
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    await this.#hurt(victim, () => isDone);
    await done;
    fleet.release(victim);
    marks.push(this.#faultAt, Date.now());
    const judged = await this.#judge(tokenizer);
    const findings = [...this.#failures, ...judged];
    marks.push(Date.now());
    const phasesMs = marks.slice(1).map((mark, index) => mark - (marks[index] ?? mark));
    return {
      phasesMs,
      plan: this.#plan,
      hit: await this.#wasHit(victim),
      findings,
      takeoverMs: this.#takeovers(victim),
    };
  }

  #sends({ plan, sent }: LiveRun, victim: ChaosNode): Promise<void>[] {
    const { fleet } = this.#lane;
    return Array.from({ length: 1 + plan.duplicateCount }, async (_, index) => {
      const ready = fleet.ready();
      const other = ready[Math.floor(this.#pick() * ready.length)];
      const isVictims = plan.toVictim && (index === 0 || this.#pick() < VICTIM_DUPLICATES_SHARE);
      const first = isVictims ? victim : other;
      if (index > 0) await sleep(this.#pick() * 10);
      const options = { first, pick: this.#pick, signal: this.#deadline };
      await this.#noting(sent.tag, sendSurely(this.#lane, sent, options));
    });
  }

  #reads({ plan, sent, readers }: LiveRun, victim: ChaosNode): Promise<void>[] {
    const { healthChecked } = this.#plan;
    return readers.map(async (reader, index) => {
      const never = new Promise<undefined>((resolve) => {
        this.#deadline.addEventListener('abort', () => resolve(undefined), { once: true });
      });
      const runId = await Promise.race([sent.known, never]);
      if (runId === undefined) return;
      const cutEvery = plan.cutEvery[index] ?? 0;
      const read = reader.read(runId, victim, { cutEvery, healthChecked, signal: this.#deadline });
      await this.#noting(sent.tag, read);
    });
  }

  /** What goes wrong for a client is a finding, not the end of the trial. */
  async #noting(tag: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failures.push({ harm: 'lost', what: `${tag}: ${String(error)}` });
    }
  }

  async #hurt(victim: ChaosNode, isDone: () => boolean): Promise<void> {
    const { fleet } = this.#lane;
    const { fault, moment, wakeDelayMs } = this.#plan;
    if (moment.kind === 'sending') await sleep(moment.delayMs);
    else await this.#seen(moment.fraction, isDone);
    this.#faultAt = Date.now();
    if (fault === 'network' && victim.proxies) return this.#cutOff(victim.proxies);
    if (fault === 'SIGKILL') fleet.kill(victim);
    else if (fault === 'SIGTERM') fleet.drain(victim);
    else fleet.stop(victim);
    this.#leases = await fleet.leases(this.#runs.flatMap(({ sent }) => sent.runIds.slice(0, 1)));
    if (fault !== 'SIGSTOP') return;
    await this.#takenOver(victim, isDone);
    await sleep(wakeDelayMs);
    fleet.wake(victim);
  }

  async #cutOff(proxies: StoreProxies): Promise<void> {
    const { store, fault, durationMs } = this.#plan.network;
    await proxies.begin(store, fault);
    await sleep(durationMs);
    await proxies.heal(store);
  }

  async #seen(fraction: number, isDone: () => boolean): Promise<void> {
    const [first] = this.#runs;
    if (!first) return;
    const wanted = answerOf(first.plan.tag).length * fraction;
    const shown = () => Math.max(...first.readers.map(({ textLength }) => textLength));
    while (!isDone() && !this.#deadline.aborted && shown() <= wanted) await sleep(LOOK_MS);
  }

  /** Until every run that the stopped node held is another one's; without another one, until its leases are over. */
  async #takenOver(victim: ChaosNode, isDone: () => boolean): Promise<void> {
    const until = Date.now() + STOPPED_LEASES_MAX * this.#lane.fleet.leaseMs;
    const isAlone = this.#lane.fleet.ready().length === 0;
    if (isAlone) await sleep(this.#lane.fleet.leaseMs * (1 + this.#pick()));
    const held = this.#heldBy(victim);
    const left = () => held.some((run) => !this.#handover(run));
    while (!isAlone && !isDone() && Date.now() < until && (held.length === 0 || left())) await sleep(LOOK_MS);
  }

  #heldBy(victim: ChaosNode): readonly LiveRun[] {
    return this.#runs.filter(
      ({ plan, sent }) => (sent.owner ?? (plan.toVictim ? victim : undefined)) === victim,
    );
  }

  /** The first one after the fault, and when the first reader saw it. */
  #handover({ sent, readers }: LiveRun): { readonly at: number; readonly generation: number } | undefined {
    const lease = this.#leases.get(sent.runIds[0] ?? '');
    for (const event of readers.flatMap(({ events }) => events)) {
      if (event.__typename !== 'RunHandover') continue;
      const at = Math.min(
        ...readers.map((reader) => reader.arrivals[event.sequence] ?? Number.POSITIVE_INFINITY),
      );
      const isNext = !lease || Number.isNaN(lease.generation) || event.generation === lease.generation + 1;
      if (at > this.#faultAt && isNext) return { at, generation: event.generation };
    }
    return undefined;
  }

  /** The victim held a run when it was hurt, and did not get to its end: another lease came after the victim's. */
  async #wasHit(victim: ChaosNode): Promise<boolean> {
    if (!KILLS.has(this.#plan.fault)) return false;
    const held = this.#heldBy(victim);
    const generations = await this.#lane.fleet.generations(
      held.flatMap(({ sent }) => sent.runIds.slice(0, 1)),
    );
    return held.some((run) => {
      const runId = run.sent.runIds[0] ?? '';
      const lease = this.#leases.get(runId);
      // A slow machine may have lost it before; then somebody else held it.
      if (lease && lease.generation > 1) return false;
      return this.#handover(run) !== undefined || (generations.get(runId) ?? 1) > 1;
    });
  }

  #takeovers(victim: ChaosNode): number[] {
    if (!KILLS.has(this.#plan.fault)) return [];
    return this.#heldBy(victim).flatMap((run) => {
      const lease = this.#leases.get(run.sent.runIds[0] ?? '');
      const handover = this.#handover(run);
      if (!lease || lease.generation > 1 || !handover) return [];
      return [Math.max(0, handover.at - this.#lane.fleet.resumableAt(victim, lease.leaseUntil))];
    });
  }

  async #judge(tokenizer: Tokenizer): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const { sent, readers } of this.#runs) {
      const seen = readers.map(({ events }) => events);
      const [first = []] = seen;
      const again = await this.#replays(sent, first);
      const { tag, runIds, startedCount } = sent;
      findings.push(...judgeRun({ tag, runIds, startedCount, watches: [...seen, ...again] }, tokenizer));
      this.#lane.owe(tag, first, tokenizer);
    }
    return [...findings, ...(await this.#judgeLedger())];
  }

  /** The finished run from its beginning, and from somewhere in the middle, with what the reader saw before that. */
  async #replays(sent: SentRun, seen: readonly RunEvent[]): Promise<RunEvent[][]> {
    const [runId] = sent.runIds;
    if (runId === undefined || this.#deadline.aborted) return [];
    const { client } = this.#lane;
    const whole: RunEvent[] = [];
    const middle = seen[Math.floor(this.#pick() * seen.length)];
    const resumed = seen.slice(0, (middle?.sequence ?? -1) + 1);
    const signal = this.#deadline;
    await this.#noting(sent.tag, collect(client.watch(runId, { signal }), whole));
    await this.#noting(sent.tag, collect(client.watch(runId, { signal, after: middle?.cursor }), resumed));
    const options = { first: undefined, pick: this.#pick, signal };
    await this.#noting(sent.tag, sendSurely(this.#lane, sent, options));
    return [whole, resumed];
  }

  async #judgeLedger(): Promise<Finding[]> {
    const until = Date.now() + LEDGER_MAX_MS;
    for (;;) {
      const usage = await this.#lane.client.usage().catch(() => undefined);
      const findings = usage ? judgeLedger(this.#lane.due, usage) : [];
      if ((usage && findings.length === 0) || Date.now() > until) {
        return usage ? findings : [{ harm: 'misbilled', what: 'the ledger cannot be read' }];
      }
      await sleep(LOOK_MS * 10);
    }
  }
}

async function collect(events: AsyncIterable<RunEvent>, into: RunEvent[]): Promise<void> {
  for await (const event of events) into.push(event);
}
