/**
 * Kills, stops and drains real processes of the product while they answer, and checks that no event was lost or doubled
 * and that every answer was charged once. The last line is JSON.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runTrials } from './run-trials.ts';
import { findServers } from './server-stores.ts';
import { isClean, type Tally } from './tally.ts';

const PROGRESS_EVERY = 25;
const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '50' },
    kills: { type: 'string' },
    seed: { type: 'string' },
    stores: { type: 'string' },
    lanes: { type: 'string' },
    nodes: { type: 'string', default: '6' },
    'lease-ms': { type: 'string', default: '1000' },
    verbose: { type: 'boolean', default: false },
  },
});
const servers = findServers(process.env);
const stores = values.stores ?? (servers ? 'servers' : 'embedded');
if (stores !== 'servers' && stores !== 'embedded') throw new Error('--stores is servers or embedded');
if (stores === 'servers' && !servers) throw new Error('--stores servers needs the four *_URL_TEST variables');
const seed = values.seed === undefined ? randomInt(1_000_000_000) : Number(values.seed);
const lanes = Number(values.lanes ?? (stores === 'servers' ? 4 : 2));
console.log(`seed ${seed}, ${values.trials} trials on ${stores}, ${lanes} at a time`);

/** Asked to stop, it finishes the trials under way and says what they came to; asked twice, it leaves at once. */
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => (stopped.signal.aborted ? process.exit(1) : stopped.abort()));
}

let shown = 0;
const onTrial = (tally: Tally) => {
  for (const finding of tally.findings.slice(shown)) console.log(finding);
  shown = tally.findings.length;
  if (values.verbose) console.log(tally.last);
  if (tally.trials % PROGRESS_EVERY === 0) console.log(tally.progress());
};
const tally = await runTrials({
  trials: Number(values.trials),
  killsMax: values.kills === undefined ? undefined : Number(values.kills),
  seed,
  lanes,
  servers: stores === 'servers' ? servers : undefined,
  nodeCount: Number(values.nodes),
  leaseMs: Number(values['lease-ms']),
  onTrial,
  signal: stopped.signal,
});
for (const finding of tally.findings.slice(shown)) console.log(finding);
console.log(tally.progress());
const verdict = tally.verdict();
console.log(JSON.stringify(verdict));
process.exit(isClean(verdict) ? 0 : 1);
