import { ServingDatabase } from '../../../../src/adapters/embedded/sqlite/serving-database.ts';
import { SqliteRunEventLog } from '../../../../src/adapters/embedded/sqlite/sqlite-run-event-log.ts';
import { SystemClock } from '../../../../src/adapters/system/clock.ts';
import { trustedId } from '../../../../src/domain/ids.ts';

/** Appends to the given runs as fast as it can, and reports each append once it resolved, until it is killed. */
const [path = '', workspaceId = '', ...runIds] = process.argv.slice(2);
const scope = { workspaceId: trustedId('wsp', workspaceId) };
const log = new SqliteRunEventLog({ database: new ServingDatabase(path), clock: new SystemClock() });
await Promise.all(
  runIds.map(async (id) => {
    const runId = trustedId('run', id);
    for (let sequence = 0; ; sequence += 1) {
      const text = `${id} ${sequence}`;
      await log.append(scope, {
        runId,
        generation: 1,
        firstSequence: sequence,
        events: [{ type: 'TokenDelta', text }],
      });
      console.log(JSON.stringify({ id, sequence }));
    }
  }),
);
