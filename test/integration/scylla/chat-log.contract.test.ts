import { describe, it } from 'vitest';
import { openScyllaStores } from '../../../src/adapters/scylla/open-scylla-stores.ts';
import { describeChatLog } from '../../contract/suites/chat-log.ts';
import { nameOf, newMigratedKeyspace, serverUrl, silentLog } from './harness.ts';

if (serverUrl === undefined) {
  describe.skip(nameOf('ChatLog: ScyllaDB'), () => {
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
