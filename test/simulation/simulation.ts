import { MemoryConversationRepository } from '../../src/adapters/memory/memory-conversation-repository.ts';
import type { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { MemoryRunEventLog } from '../../src/adapters/memory/memory-run-event-log.ts';
import { MemoryRunRepository } from '../../src/adapters/memory/memory-run-repository.ts';
import { UlidGenerator } from '../../src/adapters/system/ids.ts';
import type { RunEventLog, RunRepository } from '../../src/domain/ports/runs.ts';
import type { Clock } from '../../src/domain/ports/system.ts';
import type { UserPrincipal } from '../../src/domain/principal.ts';
import { addDocument, createUser, createWorld, type World } from '../integration/serving/world.ts';
import { Clients } from './clients.ts';
import { Dice } from './dice.ts';
import { type FaultRates, NO_FAULTS } from './faulty-ports.ts';
import { Invariants } from './invariants.ts';
import { Nodes } from './nodes.ts';
import { quiescence, SimClock } from './sim-clock.ts';
import { secretOf } from './sim-model.ts';
import { type Invariant, type Violation, WitnessedLog, witnessRuns } from './witness.ts';

/** The stores under test; a test of the harness puts a broken one in. */
export interface Adapters {
  log(clock: Clock): RunEventLog;
  runs(database: MemoryDatabase): RunRepository;
}
export const MEMORY_ADAPTERS: Adapters = {
  log: (clock) => new MemoryRunEventLog(clock),
  runs: (database) => new MemoryRunRepository(database),
};

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Of every decision and every call of a store: the same seed gives the same one. */
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly steps: number;
  readonly calls: number;
  readonly runs: number;
  readonly crashes: number;
  readonly takeovers: number;
  readonly virtualMs: number;
}

const RATES: FaultRates = { errorBefore: 0.04, errorAfter: 0.04, delay: 0.12, duplicate: 0.05 };
const FAULTS_MS = 45_000;
/** Of virtual time, after the last fault: within it everything has to end. */
const CALM_MS = 180_000;
const STEPS_MAX = 100_000;
const VIOLATIONS_MAX = 5;
/** Every workspace may have a few reservations at once, and not many. */
const QUOTA_MICROS = 400_000;

/** Seeded: nodes, clients and stores in one process under a clock that only this function moves. */
export async function simulate(
  seed: number,
  adapters: Adapters = MEMORY_ADAPTERS,
): Promise<SimulationResult> {
  const dice = new Dice(seed);
  const clock = new SimClock();
  const violations: Violation[] = [];
  const report = (invariant: Invariant, what: string) => violations.push({ invariant, what });
  let rates: FaultRates = NO_FAULTS;
  const world = await openWorld(clock, dice);
  const log = new WitnessedLog(adapters.log(clock), report);
  const runs = witnessRuns(adapters.runs(world.database), report);
  const conversations = new MemoryConversationRepository(world.database);
  const nodes = new Nodes({
    world: { ...world, runs, runEventLog: log, conversations },
    dice,
    clock,
    report,
    rates: () => rates,
  });
  const tenants = await openTenants(world);
  const clients = new Clients({ nodes, dice, clock, report, tenants });
  const invariants = new Invariants({ database: world.database, log, nodes, clients, report });

  rates = RATES;
  nodes.start();
  const endOfFaults = clock.now() + FAULTS_MS;
  const begunAt = clock.now();
  const done = Promise.all([clients.start(), nodes.disturb(endOfFaults)]);
  let isDone = false;
  void done.then(() => {
    isDone = true;
  });
  let steps = 0;
  for (; steps < STEPS_MAX && violations.length < VIOLATIONS_MAX; steps += 1) {
    await quiescence();
    invariants.check();
    if (isDone && invariants.isAtRest()) break;
    if (clock.now() >= endOfFaults) rates = NO_FAULTS;
    if (clock.now() > endOfFaults + CALM_MS || !clock.step()) {
      report('liveness', `${invariants.unfinished().join(', ')} at ${clock.now() - begunAt} ms`);
      break;
    }
  }
  rates = NO_FAULTS;
  if (violations.length === 0) await invariants.checkEnd(tenants);
  return {
    seed,
    violations,
    traceHash: dice.digest(),
    trace: dice.recent,
    steps,
    calls: dice.lineCount,
    runs: world.database.runs.size,
    crashes: nodes.crashCount,
    takeovers: [...world.database.runs.values()].filter(({ generation }) => generation > 1).length,
    virtualMs: clock.now() - begunAt,
  };
}

async function openWorld(clock: SimClock, dice: Dice): Promise<World> {
  const world = await createWorld(clock);
  return { ...world, ids: new UlidGenerator(clock, dice.random) };
}

export interface Tenant {
  readonly name: string;
  readonly principal: UserPrincipal;
}

async function openTenants(world: World): Promise<readonly Tenant[]> {
  const tenants: Tenant[] = [];
  for (const name of ['a', 'b']) {
    const principal = await createUser(world, QUOTA_MICROS);
    const text = `The ledger is kept by PostgreSQL, says ${secretOf(name)}.\n\nAnother store keeps the answers.`;
    await addDocument(world, principal, { title: `Guide of ${name}`, text });
    tenants.push({ name, principal });
  }
  return tenants;
}
