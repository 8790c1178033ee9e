import { describe, it } from 'vitest';
import { openScyllaStores } from '../../../src/adapters/scylla/open-scylla-stores.ts';
import { describeChatLog } from '../../contract/suites/chat-log.ts';
import { NO_SERVER, newMigratedKeyspace, serverUrl, silentLog } from './harness.ts';

if (serverUrl === undefined) {
  describe.skip(`ChatLog: ScyllaDB (${NO_SERVER})`, () => {
    it('keeps the contract', () => {});
  });
} else {
  describeChatLog('ScyllaDB', async () => {
    const keyspace = await newMigratedKeyspace();
    const stores = openScyllaStores({ url: keyspace.url, log: silentLog });
    return {
      log: stores.chatLog,
      close: async () => {
        await stores.close();
        await keyspace.drop();
      },
    };
  });
}
