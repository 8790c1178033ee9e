import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServingDatabase } from '../../src/adapters/embedded/sqlite/serving-database.ts';
import { SqliteChatLog } from '../../src/adapters/embedded/sqlite/sqlite-chat-log.ts';
import { SqliteRunEventLog } from '../../src/adapters/embedded/sqlite/sqlite-run-event-log.ts';
import { TestClock } from '../support/clock.ts';
import { describeChatLog } from './suites/chat-log.ts';
import { describeRunEventLog } from './suites/run-event-log.ts';

const NAME = 'embedded';

async function openServing() {
  const folder = await mkdtemp(join(tmpdir(), 'multidb-contract-'));
  const database = new ServingDatabase(join(folder, 'serving.sqlite'));
  const close = async () => {
    await database.close();
    await rm(folder, { recursive: true });
  };
  return { database, close };
}

describeRunEventLog(NAME, async () => {
  const { database, close } = await openServing();
  const clock = new TestClock();
  return { clock, log: new SqliteRunEventLog({ database, clock }), close };
});
describeChatLog(NAME, async () => {
  const { database, close } = await openServing();
  return { log: new SqliteChatLog(database), close };
});
