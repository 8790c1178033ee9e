import { open as openFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ServingDatabase } from '../../../src/adapters/embedded/sqlite/serving-database.ts';
import { SqliteChatLog } from '../../../src/adapters/embedded/sqlite/sqlite-chat-log.ts';
import { SqliteRunEventLog } from '../../../src/adapters/embedded/sqlite/sqlite-run-event-log.ts';
import { shownText } from '../../../src/domain/run.ts';
import { TestClock } from '../../support/clock.ts';
import { deltas, ids, newMessage, newScope, numbered } from '../../support/fixtures.ts';
import { Child } from './support/child.ts';
import { cleanUp, temporaryFolder, unwritableFolder } from './support/temporary.ts';

const signal = new AbortController().signal;

async function open(path?: string) {
  const file = path ?? join(await temporaryFolder(), 'serving.sqlite');
  const database = new ServingDatabase(file);
  cleanUp(() => database.close());
  const clock = new TestClock();
  return {
    file,
    database,
    clock,
    log: new SqliteRunEventLog({ database, clock }),
    chat: new SqliteChatLog(database),
  };
}

describe('the embedded run event log', () => {
  it('keeps what append resolved when its process is killed at any moment', async () => {
    const file = join(await temporaryFolder(), 'serving.sqlite');
    const scope = newScope();
    const runIds = Array.from({ length: 8 }, () => ids.next('run'));
    const child = new Child('append-events.ts', [file, scope.workspaceId, ...runIds]);
    const acknowledged = new Map<string, number>();
    for (let line = 0; line < 400; line += 1) {
      const report = await child.next<{ id: string; sequence: number }>();
      if (report !== undefined) acknowledged.set(report.id, report.sequence);
    }
    await child.kill('SIGKILL');
    // What it still managed to print before it died was acknowledged too.
    for (
      let report = await child.next<{ id: string; sequence: number }>();
      report;
      report = await child.next()
    ) {
      acknowledged.set(report.id, report.sequence);
    }
    expect(acknowledged.size).toBe(runIds.length);

    const { log } = await open(file);
    for (const runId of runIds) {
      const events = (await log.read(scope, runId, -1, 1_000_000)) ?? [];
      expect(events.length).toBeGreaterThan(acknowledged.get(runId) ?? 0);
      expect(events).toEqual(numbered(deltas(...events.map((_, sequence) => `${runId} ${sequence}`))));
      // And it goes on where it was.
      await log.append(scope, { runId, generation: 2, firstSequence: events.length, events: deltas('on') });
      await expect(
        log.append(scope, { runId, generation: 1, firstSequence: events.length + 1, events: deltas('late') }),
      ).rejects.toMatchObject({ code: 'STALE_GENERATION' });
    }
  });

  it('remembers fences, boundaries and repeats over a restart', async () => {
    const first = await open();
    const scope = newScope();
    const runId = ids.next('run');
    await first.log.append(scope, { runId, generation: 1, firstSequence: 0, events: deltas('a', 'b', 'c') });
    await first.log.fence(scope, runId, 5);
    await first.database.close();

    const { log } = await open(first.file);
    await expect(
      log.append(scope, { runId, generation: 4, firstSequence: 3, events: deltas('d') }),
    ).rejects.toMatchObject({ code: 'STALE_GENERATION' });
    await log.append(scope, { runId, generation: 5, firstSequence: 1, events: deltas('b', 'c') });
    await log.append(scope, { runId, generation: 5, firstSequence: 3, events: deltas('d') });
    expect(await log.read(scope, runId, 0, 2)).toEqual(numbered(deltas('a', 'b', 'c', 'd')).slice(1, 3));
    expect(await log.read(scope, runId, 2, 9)).toEqual(numbered(deltas('a', 'b', 'c', 'd')).slice(3));
  });

  it('reads events that memory has let go from the file, across the seam', async () => {
    const { log } = await open();
    const scope = newScope();
    const runId = ids.next('run');
    const texts = Array.from({ length: 5_000 }, (_, index) => `t${index}`);
    for (let at = 0; at < texts.length; at += 100) {
      await log.append(scope, {
        runId,
        generation: 1,
        firstSequence: at,
        events: deltas(...texts.slice(at, at + 100)),
      });
    }
    const all = numbered(deltas(...texts));
    for (const after of [-1, 0, 57, 99, 2_500, 2_951, 4_000, 4_998, 4_999]) {
      expect(await log.read(scope, runId, after, 250)).toEqual(all.slice(after + 1, after + 251));
    }
    expect(await log.fence(scope, runId, 2)).toEqual(all);
  });

  it('goes on from what is on disk after a failed write', async () => {
    const { file, database, log } = await open();
    const scope = newScope();
    const runId = ids.next('run');
    const append = (firstSequence: number, text: string) =>
      log.append(scope, { runId, generation: 1, firstSequence, events: deltas(text) });
    await append(0, 'a');
    const saboteur = new DatabaseSync(file);
    saboteur.exec("CREATE TRIGGER broken BEFORE INSERT ON run_event BEGIN SELECT RAISE(ABORT, 'no'); END");
    const lost = await Promise.allSettled([append(1, 'b'), append(2, 'c')]);
    expect(lost.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    saboteur.exec('DROP TRIGGER broken');
    saboteur.close();
    await expect(append(2, 'c')).rejects.toMatchObject({ code: 'CONFLICT' });
    await append(1, 'B');
    expect(shownText((await log.read(scope, runId, -1, 10)) ?? [])).toBe('aB');
    await database.health(signal);
  });

  it('removes retired logs from the file, and nothing else', async () => {
    const { database, clock, log } = await open();
    const scope = newScope();
    const [retired, live] = [ids.next('run'), ids.next('run')];
    for (const runId of [retired, live]) {
      await log.append(scope, { runId, generation: 1, firstSequence: 0, events: deltas('a') });
    }
    await log.retire(scope, retired, 1_000);
    clock.advance(1_001);
    await log.sweep();
    const count = (table: string) =>
      database.read((file) => Object.values(file.get(`SELECT count(*) FROM ${table}`) ?? {})[0]);
    expect([count('run_log'), count('run_event')]).toEqual([1, 1]);
    expect(await log.read(scope, retired, -1, 9)).toBeUndefined();
    expect(await log.read(scope, live, -1, 9)).toHaveLength(1);
  });
});

describe('the serving database', () => {
  it('finishes what was handed in before it closes, and refuses what comes after', async () => {
    const { file, database, chat } = await open();
    const scope = newScope();
    const message = newMessage();
    const writing = chat.appendMessage(scope, message);
    await database.close();
    await writing;
    await expect(chat.appendMessage(scope, newMessage())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const again = await open(file);
    expect(await again.chat.findMessage(scope, message.conversationId, 0)).toEqual(message);
  });

  it.each([
    [
      'is no database',
      async (file: string) => writeFile(file, 'not a database, but long enough to be read as one'.repeat(20)),
    ],
    ['has a broken page', async (file: string) => breakPage(file)],
  ])('says in one sentence that its file %s', async (_, breakIt) => {
    const { file, database, chat } = await open();
    const scope = newScope();
    for (let at = 0; at < 50; at += 1) await chat.appendMessage(scope, newMessage({ position: at }));
    await database.close();
    await breakIt(file);
    await expect(open(file)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: false,
      message: expect.stringMatching(/serving\.sqlite is damaged/),
    });
  });

  it('refuses the database of another program, and of a newer version', async () => {
    const folder = await temporaryFolder();
    const foreign = new DatabaseSync(join(folder, 'foreign.sqlite'));
    foreign.exec('CREATE TABLE theirs (x)');
    foreign.close();
    await expect(open(join(folder, 'foreign.sqlite'))).rejects.toThrow(/database of another program/);
    const { file, database } = await open();
    await database.close();
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 999');
    newer.close();
    await expect(open(file)).rejects.toThrow(/newer version of this program \(schema 999\)/);
  });

  it('says that its folder cannot be written to', async () => {
    const folder = await unwritableFolder();
    await expect(open(join(folder, 'serving.sqlite'))).rejects.toThrow(/cannot be written to/);
  });
});

async function breakPage(file: string): Promise<void> {
  const handle = await openFile(file, 'r+');
  await handle.write(Buffer.alloc(4_096, 0xff), 0, 4_096, 4_096);
  await handle.close();
}
