/** As many seeds as asked for: `npm run simulate -- --seeds 1000 --seed 1`. One that fails is printed with its trace. */
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const first = Number(values.seed);
const totals = { seeds: 0, failed: 0, steps: 0, calls: 0, runs: 0, crashes: 0, takeovers: 0 };
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  const result = await simulate(seed);
  totals.seeds += 1;
  totals.steps += result.steps;
  totals.calls += result.calls;
  totals.runs += result.runs;
  totals.crashes += result.crashes;
  totals.takeovers += result.takeovers;
  if (result.violations.length === 0) continue;
  totals.failed += 1;
  console.log(`seed ${seed} failed; the end of its trace:\n${result.trace.join('\n')}`);
  for (const { invariant, what } of result.violations) console.log(`seed ${seed}: ${invariant} ${what}`);
}
console.log(JSON.stringify(totals));
process.exit(totals.failed === 0 ? 0 : 1);
