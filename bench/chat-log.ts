/**
 * The chat log against the bare driver on one server: appends of 500-byte messages, and the newest page of 50, both at
 * 128 at a time. The baseline is the driver's `execute` of the same prepared statement, and takes rows as they come.
 * Needs SCYLLA_URL, which `npm run servers -- start` prints; works in a keyspace of its own and drops it.
 */
import { Client } from 'cassandra-driver';
import { migrateScylla } from '../src/adapters/scylla/migrate-scylla.ts';
import { openScyllaStores } from '../src/adapters/scylla/open-scylla-stores.ts';
import { BUCKET_POSITIONS, bucketOf } from '../src/adapters/scylla/schema.ts';
import { parseScyllaUrl } from '../src/adapters/scylla/scylla-url.ts';
import { SystemClock } from '../src/adapters/system/clock.ts';
import { UlidGenerator } from '../src/adapters/system/ids.ts';
import { SystemRandom } from '../src/adapters/system/random.ts';
import type { Message } from '../src/domain/conversation.ts';
import type { ConversationId } from '../src/domain/ids.ts';
import type { ChatLog } from '../src/domain/ports/runs.ts';
import type { Log } from '../src/domain/ports/system.ts';
import { interleave, median, printTable } from './harness.ts';

const CONCURRENCY = 128;
/** Short rounds and many of them: a server that collects garbage or compacts meets both alike. */
const APPENDS_PER_ROUND = 6_000;
const PAGES_PER_ROUND = 640;
const PAGE = 50;
const ROUNDS = 31;
const WARM_UP_ROUNDS = 4;
/** Enough for a page anywhere in the second bucket. */
const CONVERSATION_LENGTH = 2 * BUCKET_POSITIONS;
const CONVERSATIONS = 20;
const TEXT = 'x'.repeat(500);
const COLUMNS = 'position, message_id, role, text, run_id, citations, created_at';
const INSERT = `INSERT INTO messages (workspace_id, conversation_id, bucket, ${COLUMNS})
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const SELECT = `SELECT ${COLUMNS} FROM messages
  WHERE workspace_id = ? AND conversation_id = ? AND bucket = ? AND position < ? ORDER BY position DESC LIMIT ?`;
const OPTIONS = { prepare: true, isIdempotent: true };

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ids = new UlidGenerator(new SystemClock(), new SystemRandom());
const scope = { workspaceId: ids.next('wsp') };

interface Contestant {
  append(message: Message): Promise<unknown>;
  newestPage(conversationId: ConversationId, before: number): Promise<{ readonly length: number }>;
}

function ours(log: ChatLog): Contestant {
  return {
    append: (message) => log.appendMessage(scope, message),
    newestPage: (conversationId, before) => log.lastMessages(scope, conversationId, before, PAGE),
  };
}

function bare(client: Client): Contestant {
  const { workspaceId } = scope;
  return {
    append: ({ id, conversationId, position, role, text, runId, createdAt }) => {
      const key = [workspaceId, conversationId, bucketOf(position), position];
      return client.execute(INSERT, [...key, id, role, text, runId, '[]', new Date(createdAt)], OPTIONS);
    },
    newestPage: async (conversationId, before) => {
      const key = [workspaceId, conversationId, bucketOf(before - 1), before];
      return (await client.execute(SELECT, [...key, PAGE], OPTIONS)).rows;
    },
  };
}

/** Operations per second of `count` calls, CONCURRENCY at a time. */
async function rate(count: number, call: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await call(index);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return (count / (performance.now() - start)) * 1_000;
}

function messageAt(conversationId: ConversationId, position: number): Message {
  const role = position % 2 === 0 ? 'USER' : 'ASSISTANT';
  const common = { id: ids.next('msg'), runId: ids.next('run'), citations: [], createdAt: Date.now() };
  return { ...common, conversationId, position, role, text: TEXT };
}

/** Conversations of 40 messages, each written in order, as many at a time as there are callers. */
function appends({ append }: Contestant): Promise<number> {
  const conversations = Array.from({ length: APPENDS_PER_ROUND / 40 }, () => ids.next('cnv'));
  const messages = Array.from({ length: APPENDS_PER_ROUND }, (_, index) => {
    const conversationId = conversations[index % conversations.length] ?? ids.next('cnv');
    return messageAt(conversationId, Math.floor(index / conversations.length));
  });
  return rate(messages.length, async (index) => {
    const message = messages[index];
    if (message) await append(message);
  });
}

function pages({ newestPage }: Contestant, conversations: readonly ConversationId[]): Promise<number> {
  return rate(PAGES_PER_ROUND, async (index) => {
    const conversationId = conversations[index % conversations.length] ?? ids.next('cnv');
    const before = CONVERSATION_LENGTH - (index % (BUCKET_POSITIONS - PAGE));
    const { length } = await newestPage(conversationId, before);
    if (length !== PAGE) throw new Error(`a page of ${length}`);
  });
}

interface Work {
  readonly count: number;
  run(contestant: Contestant): Promise<number>;
}

/** Rates and their ratio, then the CPU time of this process for one call in microseconds, and its ratio. */
async function compare(contestants: Readonly<Record<'ours' | 'bare', Contestant>>, { count, run }: Work) {
  const cpu: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] };
  const measured = (name: 'ours' | 'bare') => async () => {
    const before = process.cpuUsage();
    const perSecond = await run(contestants[name]);
    const { user, system } = process.cpuUsage(before);
    cpu[name].push((user + system) / count);
    return perSecond;
  };
  const turns = { ours: measured('ours'), bare: measured('bare') };
  await interleave(WARM_UP_ROUNDS, turns);
  const rates = await interleave(ROUNDS, turns);
  const pair = (all: Record<'ours' | 'bare', number[]>) => {
    const [our, their] = [median(all.ours.slice(-ROUNDS)), median(all.bare.slice(-ROUNDS))];
    return [our, their, our / their];
  };
  return [...pair(rates), ...pair(cpu)];
}

const server = process.env['SCYLLA_URL'];
if (server === undefined) throw new Error('SCYLLA_URL is not set; `npm run servers -- start` prints it');
const keyspace = `bench_${process.pid}`;
const url = server.replace(/^(scylla:\/\/[^/]+)\/[^/?]*/, `$1/${keyspace}`);
await migrateScylla({ url, log: quiet });
const stores = openScyllaStores({ url, log: quiet, deadlineMs: 60_000 });
const settings = parseScyllaUrl(url);
const client = new Client({
  contactPoints: [...settings.contactPoints],
  localDataCenter: settings.dataCentre,
  keyspace,
  queryOptions: { consistency: settings.consistency },
  ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
});
try {
  const contestants = { ours: ours(stores.chatLog), bare: bare(client) };
  const appended = await compare(contestants, { count: APPENDS_PER_ROUND, run: appends });
  const conversations = Array.from({ length: CONVERSATIONS }, () => ids.next('cnv'));
  await rate(CONVERSATIONS * CONVERSATION_LENGTH, async (index) => {
    const conversationId = conversations[index % CONVERSATIONS] ?? ids.next('cnv');
    await contestants.ours.append(messageAt(conversationId, Math.floor(index / CONVERSATIONS)));
  });
  const paged = await compare(contestants, {
    count: PAGES_PER_ROUND,
    run: (contestant) => pages(contestant, conversations),
  });
  printTable(
    `Chat log, ${CONCURRENCY} at a time (target: ratio ≥ 0.85)`,
    ['operation', 'ours, per second', 'bare, per second', 'ratio', 'ours, CPU µs', 'bare, CPU µs', 'ratio'],
    [
      ['append a message of 500 bytes', ...appended],
      [`newest page of ${PAGE}`, ...paged],
    ],
  );
} finally {
  await stores.close();
  await client.execute(`DROP KEYSPACE ${keyspace}`, [], { readTimeout: 60_000 });
  await client.shutdown();
}
