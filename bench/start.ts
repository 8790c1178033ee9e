/**
 * From `node` to the line that says ready, on a data folder that holds documents and answers, and the memory of the
 * server at rest. PostgreSQL's processes are printed beside it (proportional set: shared memory counts once).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { median, printTable, quantile } from './harness.ts';
import { ingestCorpus, signIn, startProduct, withFolder } from './product.ts';

const STARTS = 7;
const REST_MS = 5_000;

await withFolder(async (folder) => {
  const first = await startProduct({ folder });
  const { client } = await signIn(first.url);
  await ingestCorpus(client);
  await client.ask('What databases are best for AI applications?').finished();
  await first.stop();
  const ms: number[] = [];
  const cpu: number[] = [];
  let [rss, databaseRss] = [0, 0];
  for (let start = 0; start < STARTS; start += 1) {
    const startedAt = performance.now();
    const product = await startProduct({ folder });
    ms.push(performance.now() - startedAt);
    cpu.push(product.process.cpuMs());
    if (start === STARTS - 1) {
      await sleep(REST_MS);
      rss = product.process.rssMb();
      databaseRss = product.postgres.rssMb();
    }
    await product.stop();
  }
  printTable(
    `Start on an existing data folder, ${STARTS} times, and memory at rest`,
    ['figure', 'measured', 'target'],
    [
      ['ready, median ms', median(ms), '≤ 3000'],
      ['ready, slowest ms', quantile(ms, 1), ''],
      ['CPU until ready, median ms', median(cpu), ''],
      [`resident after ${REST_MS / 1000} s, MiB`, rss, 'aim ≤ 250'],
      ['PostgreSQL beside it, MiB', databaseRss, ''],
    ],
  );
});
