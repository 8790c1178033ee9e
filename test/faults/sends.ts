import { setTimeout as sleep } from 'node:timers/promises';
import { MultiDbError } from '../../src/client/index.ts';
import type { ChaosNode } from './fleet.ts';
import type { Lane } from './lane.ts';
import { questionOf } from './model-script.ts';

const ATTEMPT_MS = 4_000;
const PAUSE_MS = 20;
/** What a caller repeats under its key: nobody knows whether it arrived, or the server asked to come back. */
const REPEATED = new Set([
  'NETWORK',
  'SHUTTING_DOWN',
  'STORE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'RATE_LIMITED',
]);

/** What the sends of one key were told. */
export class SentRun {
  readonly tag: string;
  readonly runIds: string[] = [];
  startedCount = 0;
  /** The node that said it made the run; undefined while none did, or if that answer got lost. */
  owner: ChaosNode | undefined;
  readonly known: Promise<string>;
  readonly #learn: (runId: string) => void;

  constructor(tag: string) {
    this.tag = tag;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.known = promise;
    this.#learn = resolve;
  }

  heard(runId: string, replayed: boolean, node: ChaosNode): void {
    this.runIds.push(runId);
    if (!replayed) this.startedCount += 1;
    if (!replayed) this.owner = node;
    this.#learn(runId);
  }
}

/** Repeats the message under its key, on whichever node is there, until it is known to be stored. */
export async function sendSurely(
  lane: Lane,
  sent: SentRun,
  { first, pick, signal }: { first: ChaosNode | undefined; pick: () => number; signal: AbortSignal },
): Promise<void> {
  for (let node = first; ; node = undefined) {
    const ready = lane.fleet.ready();
    const target = node ?? ready[Math.floor(pick() * ready.length)];
    if (target && (await attempt(lane, sent, target, signal))) return;
    await sleep(PAUSE_MS, undefined, { signal });
  }
}

async function attempt(lane: Lane, sent: SentRun, node: ChaosNode, signal: AbortSignal): Promise<boolean> {
  const deadline = AbortSignal.timeout(ATTEMPT_MS);
  try {
    const { run, replayed } = await lane.clientOf(node).ask(questionOf(sent.tag), {
      idempotencyKey: sent.tag,
      signal: AbortSignal.any([signal, deadline]),
    }).sent;
    sent.heard(run.id, replayed, node);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted || (error instanceof MultiDbError && REPEATED.has(error.code))) return false;
    throw error;
  }
}
