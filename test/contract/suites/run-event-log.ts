import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunEventLog } from '../../../src/domain/ports/runs.ts';
import type { RunEvent, RunEventBody } from '../../../src/domain/run.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import type { TestClock } from '../../support/clock.ts';
import { deltas, everyEvent, ids, newScope, numbered } from '../../support/fixtures.ts';

export interface RunEventLogHarness {
  readonly log: RunEventLog;
  /** Of the adapter; for the time that a retired log stays. */
  readonly clock: TestClock;
  close(): Promise<void>;
}

const MANY = 10_000;

export function describeRunEventLog(name: string, make: () => Promise<RunEventLogHarness>): void {
  describe(`RunEventLog: ${name}`, () => {
    let harness: RunEventLogHarness;
    let scope: WorkspaceScope;
    let runId: RunId;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      scope = newScope();
      runId = ids.next('run');
    });

    const append = (firstSequence: number, events: readonly RunEventBody[], generation = 1) =>
      harness.log.append(scope, { runId, generation, firstSequence, events });
    const readAll = (after = -1, limit = MANY) => harness.log.read(scope, runId, after, limit);

    describe('append and read', () => {
      it('gives back every kind of event as it was, numbered from 0', async () => {
        const events = everyEvent();
        await append(0, events.slice(0, 4));
        await append(4, events.slice(4));
        expect(await readAll()).toEqual(numbered(events));
      });

      it('reads after a sequence, at most a limit', async () => {
        await append(0, deltas('a', 'b', 'c', 'd', 'e'));
        const all = numbered(deltas('a', 'b', 'c', 'd', 'e'));
        expect(await readAll(1, 2)).toEqual(all.slice(2, 4));
        expect(await readAll(3)).toEqual(all.slice(4));
        expect(await readAll(4)).toEqual([]);
        expect(await readAll(99)).toEqual([]);
      });

      it('knows no log that nobody began', async () => {
        expect(await readAll()).toBeUndefined();
      });

      it('takes a repeated batch without a second copy', async () => {
        await append(0, deltas('a', 'b'));
        await append(2, deltas('c'));
        await append(2, deltas('c'));
        await append(0, deltas('a', 'b'));
        expect(await readAll()).toEqual(numbered(deltas('a', 'b', 'c')));
        await append(3, deltas('d'));
        expect(await readAll()).toEqual(numbered(deltas('a', 'b', 'c', 'd')));
      });

      it('refuses a gap', async () => {
        await append(0, deltas('a'));
        await expect(append(2, deltas('c'))).rejects.toMatchObject({ code: 'CONFLICT' });
        await expect(append(5, deltas('c'))).rejects.toMatchObject({ code: 'CONFLICT' });
        expect(await readAll()).toEqual(numbered(deltas('a')));
      });

      it('refuses other events where some are stored, also those that reach beyond them', async () => {
        await append(0, deltas('a', 'b'));
        await expect(append(1, deltas('x'))).rejects.toMatchObject({ code: 'CONFLICT' });
        await expect(append(1, deltas('b', 'c'))).rejects.toMatchObject({ code: 'CONFLICT' });
        expect(await readAll()).toEqual(numbered(deltas('a', 'b')));
      });

      it('lets one of several racing batches of one place win, whole', async () => {
        const batches = Array.from({ length: 20 }, (_, index) => deltas(`${index}-a`, `${index}-b`));
        const outcomes = await Promise.allSettled(batches.map((events) => append(0, events)));
        const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await readAll()).toEqual(numbered(batches[winner] ?? []));
      });

      it('keeps many runs apart that are written at once', async () => {
        const runIds = Array.from({ length: 20 }, () => ids.next('run'));
        for (let sequence = 0; sequence < 10; sequence += 1) {
          await Promise.all(
            runIds.map((id) =>
              harness.log.append(scope, {
                ...{ runId: id, generation: 1, firstSequence: sequence },
                events: deltas(`${id} ${sequence}`),
              }),
            ),
          );
        }
        for (const id of runIds) {
          const texts = Array.from({ length: 10 }, (_, sequence) => `${id} ${sequence}`);
          expect(await harness.log.read(scope, id, -1, MANY)).toEqual(numbered(deltas(...texts)));
        }
      });

      it('is not changed by what the caller does to the batch afterwards', async () => {
        const events = [...deltas('a', 'b')];
        await append(0, events);
        events.length = 0;
        expect(await readAll()).toHaveLength(2);
      });
    });

    describe('fence', () => {
      it('returns the whole log and refuses what older generations append from then on', async () => {
        await append(0, deltas('a', 'b'));
        expect(await harness.log.fence(scope, runId, 2)).toEqual(numbered(deltas('a', 'b')));
        await expect(append(2, deltas('c'))).rejects.toMatchObject({ code: 'STALE_GENERATION' });
        await append(2, deltas('C'), 2);
        await expect(append(3, deltas('d'))).rejects.toMatchObject({ code: 'STALE_GENERATION' });
        expect(await readAll()).toEqual(numbered(deltas('a', 'b', 'C')));
      });

      it('may come before the first event, and may be repeated', async () => {
        expect(await harness.log.fence(scope, runId, 3)).toEqual([]);
        expect(await harness.log.fence(scope, runId, 3)).toEqual([]);
        await expect(append(0, deltas('a'), 2)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
        await append(0, deltas('a'), 3);
        expect(await harness.log.fence(scope, runId, 3)).toEqual(numbered(deltas('a')));
      });

      it('of an older generation is refused and lifts no newer one', async () => {
        await harness.log.fence(scope, runId, 3);
        await expect(harness.log.fence(scope, runId, 2)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
        await expect(append(0, deltas('a'), 2)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
      });

      it('misses nothing that an append racing with it had accepted', async () => {
        const appended = append(0, deltas('a')).then(
          () => true,
          () => false,
        );
        const fenced = await harness.log.fence(scope, runId, 2);
        const accepted = await appended;
        expect(fenced).toEqual(accepted ? numbered(deltas('a')) : []);
      });
    });

    describe('subscribe', () => {
      it('hears every batch after it resolved, in order and once, whatever is repeated', async () => {
        await append(0, deltas('before'));
        const heard: RunEvent[] = [];
        const last = new Promise<void>((resolve) => {
          void harness.log
            .subscribe(scope, runId, (events) => {
              heard.push(...events);
              if (heard.at(-1)?.sequence === 50) resolve();
            })
            .then(async () => {
              for (let sequence = 1; sequence <= 50; sequence += 1) {
                await append(sequence, deltas(`${sequence}`));
                await append(sequence, deltas(`${sequence}`));
              }
            });
        });
        await last;
        expect(heard.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      });

      it('hears a batch only when it can be read', async () => {
        const readable = new Promise<readonly RunEvent[] | undefined>((resolve) => {
          void harness.log
            .subscribe(scope, runId, () => resolve(readAll()))
            .then(() => append(0, deltas('a', 'b')));
        });
        expect(await readable).toEqual(numbered(deltas('a', 'b')));
      });

      it('hears nothing of refused batches, of other runs, of other workspaces, or after its end', async () => {
        const heard: string[] = [];
        const listen = (label: string, on: WorkspaceScope, id: RunId) =>
          harness.log.subscribe(on, id, () => heard.push(label));
        await listen('other workspace', newScope(), runId);
        await listen('other run', scope, ids.next('run'));
        const end = await listen('ended', scope, runId);
        end();
        end();
        await append(0, deltas('a'));
        const live = Promise.withResolvers<void>();
        await harness.log.subscribe(scope, runId, () => {
          heard.push('live');
          live.resolve();
        });
        await expect(append(7, deltas('x'))).rejects.toThrow();
        await append(1, deltas('b'));
        await live.promise;
        expect(heard).toEqual(['live']);
      });

      it('serves several listeners of one run, each of its own', async () => {
        const heard: string[] = [];
        let count = 0;
        const all = new Promise<void>((resolve) => {
          const listener = () => {
            heard.push('heard');
            count += 1;
            if (count === 2) resolve();
          };
          void Promise.all([
            harness.log.subscribe(scope, runId, listener),
            harness.log.subscribe(scope, runId, listener),
            harness.log.subscribe(scope, runId, listener),
          ]).then(([, , end]) => {
            end();
            return append(0, deltas('a'));
          });
        });
        await all;
        expect(heard).toEqual(['heard', 'heard']);
      });
    });

    describe('step results', () => {
      const steps = [
        { step: 'retrieval', result: '{"passages":["ä 😀"]}' },
        { step: 'tool', result: '{}' },
      ];
      const withSteps = (firstSequence: number, from: number, to: number, generation = 1) =>
        harness.log.append(scope, {
          ...{ runId, generation, firstSequence, events: deltas('a'), steps: steps.slice(from, to) },
        });
      const readSteps = () => harness.log.readSteps(scope, runId);

      it('are kept with their events, in order and once, and are no events', async () => {
        expect(await readSteps()).toEqual([]);
        await withSteps(0, 0, 1);
        await withSteps(0, 0, 1);
        await append(1, deltas('a'));
        await withSteps(2, 1, 2);
        expect(await harness.log.fence(scope, runId, 2)).toEqual(numbered(deltas('a', 'a', 'a')));
        expect(await readSteps()).toEqual(steps);
        expect(await harness.log.readSteps(newScope(), runId)).toEqual([]);
      });

      it('of a refused batch are refused with it', async () => {
        await withSteps(0, 0, 1);
        await expect(withSteps(5, 1, 2)).rejects.toMatchObject({ code: 'CONFLICT' });
        await harness.log.fence(scope, runId, 2);
        await expect(withSteps(1, 1, 2)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
        expect(await readSteps()).toEqual(steps.slice(0, 1));
      });

      it('go when the run is settled; its events stay', async () => {
        await withSteps(0, 0, 2);
        await harness.log.retire(scope, runId, 60_000);
        expect(await readSteps()).toEqual([]);
        expect(await readAll()).toEqual(numbered(deltas('a')));
      });
    });

    describe('retire', () => {
      it('keeps the log whole for its time; afterwards it is whole or gone', async () => {
        await append(0, deltas('a', 'b'));
        await harness.log.retire(scope, runId, 60_000);
        await harness.log.retire(scope, runId, 60_000);
        harness.clock.advance(59_000);
        expect(await readAll()).toEqual(numbered(deltas('a', 'b')));
        harness.clock.advance(2_000);
        await harness.log.retire(scope, ids.next('run'), 60_000);
        expect([undefined, 2]).toContain((await readAll())?.length);
      });

      it('of an unknown log is harmless', async () => {
        await harness.log.retire(scope, runId, 1_000);
        expect(await readAll()).toBeUndefined();
      });
    });

    it('shows, fences and retires nothing across workspaces', async () => {
      const other = newScope();
      await append(0, deltas('a'));
      expect(await harness.log.read(other, runId, -1, MANY)).toBeUndefined();
      expect(await harness.log.fence(other, runId, 9)).toEqual([]);
      await harness.log.append(other, { runId, generation: 9, firstSequence: 0, events: deltas('theirs') });
      await harness.log.retire(other, runId, 0);
      await append(1, deltas('b'));
      expect(await readAll()).toEqual(numbered(deltas('a', 'b')));
    });
  });
}
