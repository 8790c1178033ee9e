import { SeededRandom } from '../support/random.ts';
import { READERS, RUNS_MAX } from './lane.ts';
import { STORES, type StoreName } from './server-stores.ts';
import type { NetworkFault } from './store-proxies.ts';

/** `network`: one store goes silent or away for one node. */
export type Fault = 'SIGKILL' | 'SIGSTOP' | 'SIGTERM' | 'network';
/** Of a hundred trials. Stopping costs no new process, so it is the most frequent one. */
const FAULTS: readonly (readonly [Fault, number])[] = [
  ['SIGKILL', 36],
  ['SIGSTOP', 52],
  ['SIGTERM', 6],
  ['network', 6],
];
const SENDING_SHARE = 0.15;
const SENDING_MAX_MS = 40;
const DUPLICATES_MAX = 3;
/** Of readers: they lose their socket after every so many events. */
const CUT_SHARE = 0.4;
const CUT_EVERY_MAX = 12;
const WAKE_DELAY_MAX_MS = 600;
const OUTAGE_MAX_MS = 2_500;

export interface RunPlan {
  readonly tag: string;
  /** Sent to the node that will be hurt. */
  readonly toVictim: boolean;
  /** Further sends with the same key, side by side. */
  readonly duplicateCount: number;
  /** One a reader. */
  readonly cutEvery: readonly number[];
}
export interface TrialPlan {
  readonly fault: Fault;
  /** While messages are sent, so many milliseconds later, or once this part of the first answer was seen. */
  readonly moment:
    | { readonly kind: 'sending'; readonly delayMs: number }
    | { readonly kind: 'streaming'; readonly fraction: number };
  readonly runs: readonly RunPlan[];
  readonly wakeDelayMs: number;
  readonly healthChecked: boolean;
  /** For the fault of that name. */
  readonly network: { readonly store: StoreName; readonly fault: NetworkFault; readonly durationMs: number };
}

/** Everything that chance decides about a trial; the rest is the machine's timing. */
export function planTrial(seed: number, trial: number): TrialPlan {
  const random = trialRandom(seed, trial);
  const upTo = (max: number) => Math.floor(random.fraction() * (max + 1));
  const runCount = 1 + upTo(RUNS_MAX - 1);
  return {
    fault: pickFault(random.fraction() * 100),
    moment:
      random.fraction() < SENDING_SHARE
        ? { kind: 'sending', delayMs: upTo(SENDING_MAX_MS) }
        : { kind: 'streaming', fraction: random.fraction() * 0.85 },
    runs: Array.from({ length: runCount }, (_, index) => ({
      tag: `s${seed}.${trial}.${index}`,
      toVictim: index === 0 || random.fraction() < 0.7,
      duplicateCount: upTo(DUPLICATES_MAX),
      cutEvery: Array.from({ length: READERS }, () =>
        random.fraction() < CUT_SHARE ? 1 + upTo(CUT_EVERY_MAX - 1) : 0,
      ),
    })),
    wakeDelayMs: upTo(WAKE_DELAY_MAX_MS),
    healthChecked: random.fraction() < 0.5,
    network: {
      store: STORES[upTo(STORES.length - 1)] ?? 'REDIS_URL',
      fault: random.fraction() < 0.5 ? 'silent' : 'down',
      durationMs: 200 + upTo(OUTAGE_MAX_MS),
    },
  };
}

/** A stream of its own for every trial, whatever the others drew. */
export function trialRandom(seed: number, trial: number): SeededRandom {
  return new SeededRandom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(trial + 1, 0xc2b2ae35));
}

function pickFault(point: number): Fault {
  let left = point;
  for (const [fault, share] of FAULTS) {
    left -= share;
    if (left < 0) return fault;
  }
  return 'SIGKILL';
}
