import { StaticEmbedder } from '../../src/adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../../src/adapters/builtin/static-model.ts';
import { ScriptedOpenAi } from '../support/scripted-openai.ts';
import { EmbeddedFleet } from './embedded-fleet.ts';
import type { Fleet } from './fleet.ts';
import { Lane } from './lane.ts';
import { PRICES, scriptedAnswer } from './model-script.ts';
import { ServerFleet } from './server-fleet.ts';
import type { ServerUrls } from './server-stores.ts';
import { Tally } from './tally.ts';
import { Trial } from './trial.ts';

const MODEL_REQUESTS_KEPT_MAX = 1_000;
/** Short, so that a trial is: a takeover waits for the end of a lease. */
const LEASE_MS = 1_000;

export interface ChaosOptions {
  readonly trials: number;
  /** Ends earlier, once so many kills are counted. */
  readonly killsMax?: number | undefined;
  readonly seed: number;
  /** Trials side by side. */
  readonly lanes: number;
  /** undefined: the embedded stores. */
  readonly servers: ServerUrls | undefined;
  readonly nodeCount: number;
  readonly leaseMs?: number;
  readonly onTrial?: (tally: Tally) => void;
  /** No further trial is begun. */
  readonly signal?: AbortSignal;
}

/** Trials 0, 1, 2, … of the seed, several at a time, each lane in a workspace of its own. */
export async function runTrials(options: ChaosOptions): Promise<Tally> {
  const tally = new Tally();
  const embedder = new StaticEmbedder(await loadStaticModel());
  const model = await ScriptedOpenAi.start((request) => {
    if (model.requests.length > MODEL_REQUESTS_KEPT_MAX) model.requests.length = 0;
    return scriptedAnswer(request);
  });
  const fleets = await startFleets(options, {
    OPENAI_BASE_URL: model.url,
    MODEL: 'scripted',
    MODEL_INPUT_MICROS_PER_MILLION: String(PRICES.inputMicrosPerMillion),
    MODEL_OUTPUT_MICROS_PER_MILLION: String(PRICES.outputMicrosPerMillion),
  });
  let next = 0;
  const isOver = () =>
    options.signal?.aborted ||
    next >= options.trials ||
    tally.kills >= (options.killsMax ?? Number.POSITIVE_INFINITY);
  try {
    const lanes = Array.from({ length: options.lanes }, async (_, index) => {
      const fleet = fleets[index % fleets.length];
      if (!fleet) return;
      const lane = await Lane.open(fleet, options.seed + index);
      while (!isOver()) {
        const trial = next++;
        tally.add(trial, await new Trial(lane, options.seed, trial).perform(embedder.tokenizer));
        options.onTrial?.(tally);
      }
      lane.close();
    });
    await Promise.all(lanes);
    for (const fleet of fleets) for (const found of await fleet.audit()) tally.report('misbilled', found);
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.close()));
    await model.close();
  }
  return tally;
}

/** One for all lanes, or on the embedded stores, which belong to one process, one a lane. */
async function startFleets(
  { servers, lanes, nodeCount, leaseMs = LEASE_MS }: ChaosOptions,
  modelEnvironment: Readonly<Record<string, string>>,
): Promise<readonly Fleet[]> {
  if (servers) return [await ServerFleet.start({ urls: servers, nodeCount, leaseMs, modelEnvironment })];
  return Promise.all(Array.from({ length: lanes }, () => EmbeddedFleet.start(leaseMs, modelEnvironment)));
}
