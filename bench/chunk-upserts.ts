/**
 * Chunks into MongoDB through the port, against a bare `bulkWrite` of the very rows that the port stores, made before the
 * clock starts: what is ours is words, facets, vectors as bytes, and keeping the new version hidden. Needs MONGODB_URL
 * (or MONGODB_URL_TEST), which `npm run servers -- start` prints; works in a database of its own and drops it.
 */
import { probeCapabilities } from '../src/adapters/mongodb/capabilities.ts';
import { toRow } from '../src/adapters/mongodb/chunk-rows.ts';
import { migrateMongo } from '../src/adapters/mongodb/migrate-mongo.ts';
import { MongoConnection } from '../src/adapters/mongodb/mongo-connection.ts';
import { openMongoStores } from '../src/adapters/mongodb/open-mongo-stores.ts';
import { packVector } from '../src/adapters/mongodb/vector-codec.ts';
import { SystemClock } from '../src/adapters/system/clock.ts';
import { UlidGenerator } from '../src/adapters/system/ids.ts';
import { noopLog } from '../src/adapters/system/log.ts';
import { SystemRandom } from '../src/adapters/system/random.ts';
import type { IndexedChunk } from '../src/domain/ports/chunk-index.ts';
import { interleave, median, printTable } from './harness.ts';

const [CHUNKS_PER_ROUND = 512, ROUNDS = 15] = process.argv.slice(2).map(Number);
const WARM_UP_ROUNDS = 4;
/** As the ingestion sends them. */
const BATCH = 64;
const DIMENSIONS = 256;
const WORDS = 'store chunk vector index answer citation token stream replica partition ledger quota'.split(
  ' ',
);
const ids = new UlidGenerator(new SystemClock(), new SystemRandom());
const scope = { workspaceId: ids.next('wsp') };
const model = { modelId: 'bench', dimensions: DIMENSIONS };

/** About 1,000 characters, as the splitter makes them. */
function newChunks(): IndexedChunk[] {
  const documentId = ids.next('doc');
  const collectionId = ids.next('col');
  return Array.from({ length: CHUNKS_PER_ROUND }, (_, ordinal) => {
    const words = Array.from(
      { length: 140 },
      (_unused, word) => WORDS[(word * (ordinal + 7)) % WORDS.length],
    );
    const text = words.join(' ');
    const vector = Float32Array.from({ length: DIMENSIONS }, (_unused, at) => Math.sin(at + ordinal + 1));
    return {
      ...{ id: ids.next('chk'), documentId, documentVersion: 1, collectionId, ordinal, text, start: 0 },
      ...{ end: text.length, headingPath: ['Bench'], page: null, metadata: { kind: 'bench', ordinal } },
      ...{ contentHash: String(ordinal), vector, tokenIds: Uint32Array.from(words.keys()) },
    };
  });
}

function batches<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, index) =>
    all.slice(index * BATCH, (index + 1) * BATCH),
  );
}

const server = process.env['MONGODB_URL'] ?? process.env['MONGODB_URL_TEST'];
if (server === undefined) throw new Error('MONGODB_URL is not set; `npm run servers -- start` prints it');
const url = server.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?/, `$1/bench_${process.pid}`);
await migrateMongo({ url, log: noopLog });
const stores = await openMongoStores({ url, log: noopLog, clock: new SystemClock() });
const connection = await MongoConnection.open({ url, log: noopLog });
const { binaryVectors } = await probeCapabilities(connection, url);
const rows = connection.database.collection<{ _id: string }>('bare_chunks');

const cpu: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] };
/** Chunks per second. */
async function timed(name: 'ours' | 'bare', work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  cpu[name].push((user + system) / CHUNKS_PER_ROUND);
  return CHUNKS_PER_ROUND / seconds;
}
const turns = {
  ours: () => {
    const prepared = batches(newChunks());
    return timed('ours', async () => {
      for (const batch of prepared) await stores.chunkIndex.upsert(scope, model, batch);
    });
  },
  bare: () => {
    const prepared = batches(
      newChunks().map((chunk) => {
        const { _id, ...row } = toRow(scope.workspaceId, chunk);
        const vector = packVector(chunk.vector, binaryVectors);
        const $set = { ...row, vector, tokens: [...chunk.tokenIds], models: ['bench'] };
        return { updateOne: { filter: { _id }, update: { $set }, upsert: true } };
      }),
    );
    return timed('bare', async () => {
      for (const batch of prepared) await rows.bulkWrite(batch, { ordered: false });
    });
  },
};
try {
  await interleave(WARM_UP_ROUNDS, turns, { quiet: true });
  const rates = await interleave(ROUNDS, turns);
  const [ours, bare] = [median(rates.ours), median(rates.bare)];
  const [ourCpu, bareCpu] = [median(cpu.ours.slice(-ROUNDS)), median(cpu.bare.slice(-ROUNDS))];
  printTable(
    `Chunk upserts, ${BATCH} a batch, ${DIMENSIONS} dimensions (target: ratio ≥ 0.8)`,
    ['ours, chunks/s', 'bare bulkWrite, chunks/s', 'ratio', 'ours, CPU µs a chunk', 'bare, CPU µs a chunk'],
    [[ours, bare, ours / bare, ourCpu, bareCpu]],
  );
} finally {
  await connection.database.dropDatabase();
  await connection.close();
  await stores.close();
}
