import { z } from 'zod';
import { clockFindings, type Finding, problem, type StoreReport, warning } from '../../domain/inspection.ts';
import type { Log } from '../../domain/ports/system.ts';
import { SystemClock } from '../system/clock.ts';
import { probeCapabilities } from './capabilities.ts';
import { IndexAdministration, type IndexDifference } from './index-administration.ts';
import { CHUNK_COLLECTION } from './index-definitions.ts';
import { wantedIndexes } from './migrate-mongo.ts';
import { MongoConnection } from './mongo-connection.ts';

export interface MongoInspectionOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly log: Log;
}

/** No chunk has this id: only the permission to write is asked for. */
const NOBODY = 'doctor';

/** Changes nothing. Throws what opening and a missing permission throw; all else that is found is in the report. */
export async function inspectMongo({ url, timeoutMs, log }: MongoInspectionOptions): Promise<StoreReport> {
  const connection = await MongoConnection.open({
    url,
    log,
    poolSizeMax: 2,
    operationTimeoutMs: timeoutMs,
    connectTimeoutMs: timeoutMs,
  });
  try {
    const { version } = z
      .object({ version: z.string() })
      .parse(await connection.run(() => connection.database.command({ buildInfo: 1 })));
    const clock = await clockOf(connection);
    const { search } = await probeCapabilities(connection, url);
    await probeWrites(connection);
    const administration = new IndexAdministration(connection, new SystemClock());
    const wanted = await wantedIndexes(administration, [], search);
    const differences = [
      ...(await administration.comparePlain(wanted.plain)),
      ...(await administration.compareSearch(wanted.search)),
    ];
    const indexCount = wanted.plain.length + wanted.search.length;
    return {
      summary: `MongoDB ${version}, database ${connection.database.databaseName}, ${indexCount} indexes`,
      findings: [...clock, ...(search ? [] : [WITHOUT_SEARCH]), ...ofDifferences(differences)],
    };
  } finally {
    await connection.close();
  }
}

const MIGRATE = 'Run `multidb migrate` first.';
const WITHOUT_SEARCH = warning(
  'the server has no $search; words are found by the index over their terms instead, which is slower.',
);

async function clockOf(connection: MongoConnection): Promise<readonly Finding[]> {
  const before = Date.now();
  const hello = await connection.run(() => connection.database.command({ hello: 1 }));
  const after = Date.now();
  const { localTime } = z.object({ localTime: z.date() }).parse(hello);
  return clockFindings({ store: 'MongoDB', server: localTime.getTime(), before, after });
}

/** A transaction that deletes nothing: needs the role readWrite and a server that has transactions. */
async function probeWrites(connection: MongoConnection): Promise<void> {
  await connection.transaction(async (session) => {
    await connection.database
      .collection<{ _id: string }>(CHUNK_COLLECTION)
      .deleteOne({ _id: NOBODY }, { session });
  });
}

/** On a new database all are missing, which is one finding. */
function ofDifferences(differences: readonly IndexDifference[]): readonly Finding[] {
  const missing = differences.filter(({ state }) => state === 'missing').map(({ name }) => name);
  const others = differences.filter(({ state }) => state !== 'missing').map(ofDifference);
  if (missing.length === 0) return others;
  const indexes = missing.length === 1 ? 'index is' : 'indexes are';
  return [problem(`the ${indexes} missing: ${missing.join(', ')}. ${MIGRATE}`, 'migration'), ...others];
}

function ofDifference({ state, message, isMendable }: IndexDifference): Finding {
  if (state === 'building') return warning(`${message} Until then searches miss documents.`);
  return isMendable ? problem(`${message} ${MIGRATE}`, 'migration') : problem(message);
}
