import type { ChatLog } from '../../domain/ports/runs.ts';
import type { Clock, Lifecycle } from '../../domain/ports/system.ts';
import { SystemClock } from '../system/clock.ts';
import { ScyllaChatLog } from './scylla-chat-log.ts';
import { openScylla, type ScyllaOptions } from './scylla-connection.ts';

export interface ScyllaStores extends Lifecycle {
  readonly chatLog: ChatLog;
}

/** What ScyllaDB, or Cassandra 5, keeps. Connects with the first call; the tables are made by `migrateScylla`. */
export function openScyllaStores(options: ScyllaOptions & { readonly clock?: Clock }): ScyllaStores {
  const connection = openScylla(options);
  return {
    chatLog: new ScyllaChatLog(connection, options.clock ?? new SystemClock()),
    health: (signal) => connection.health(signal),
    close: () => connection.close(),
  };
}
