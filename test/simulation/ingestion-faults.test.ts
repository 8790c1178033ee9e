/**
 * One fault at every single port call of an ingestion in turn, thrown before the call's effect or after it (the answer
 * got lost). Whatever happens, the retries must end in the state of an undisturbed run.
 */
import { describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import type { Embedder } from '../../src/domain/ports/models.ts';
import type { DataPlaneDeps } from '../../src/planes/data/data-plane.ts';
import { drain, leftovers, openDataPlane, textCommand } from '../support/data-plane.ts';
import { TestEmbedders } from '../support/embedders.ts';

type Moment = 'before' | 'after';
const PORTS = ['documents', 'progress', 'blobs', 'chunks', 'deployments', 'jobs'] as const;

class Fault {
  readonly #moment: Moment;
  readonly #victim: number;
  #calls = 0;
  armed = false;
  /** The call that was hit; undefined: there were fewer calls than that. */
  hit: string | undefined;

  constructor(moment: Moment, victim: number) {
    this.#moment = moment;
    this.#victim = victim;
  }

  wrap = (deps: DataPlaneDeps): DataPlaneDeps => {
    const wrapped = PORTS.map((port) => [port, this.#port(port, deps[port])] as const);
    const { name, embedder } = deps.embedders.standard;
    const embedders = new TestEmbedders(this.#port('embedder', embedder) as Embedder, name);
    return { ...deps, ...Object.fromEntries(wrapped), embedders };
  };

  #port(name: string, port: object): object {
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        const call = member.bind(target);
        const isAsync = property !== 'onAvailable';
        return isAsync
          ? (...args: unknown[]) => this.#call(`${name}.${String(property)}`, () => call(...args))
          : call;
      },
    });
  }

  async #call(name: string, effect: () => Promise<unknown>): Promise<unknown> {
    if (this.armed) this.#calls += 1;
    const isHit = this.armed && this.hit === undefined && this.#calls === this.#victim;
    if (isHit) this.hit = `${this.#moment} ${name}`;
    if (isHit && this.#moment === 'before') throw new DomainError('STORE_UNAVAILABLE', 'injected');
    const result = await effect();
    if (isHit) throw new DomainError('STORE_UNAVAILABLE', 'injected');
    return result;
  }
}

const section = (name: string) => `## ${name}\n\n${`${name} keeps what ${name} is good at. `.repeat(20)}\n\n`;
const FIRST = `# Stores\n\n${section('Redis')}${section('Mongo')}`;
const SECOND = `# Stores\n\n${section('Redis')}${section('Valkey')}`;

/** Version 1 undisturbed, then version 2 with the fault armed. */
async function disturb(fault: Fault, andThen: 'finish' | 'remove') {
  const harness = await openDataPlane({}, {}, fault.wrap);
  const { owner, scope } = await harness.tenant();
  harness.worker.start();
  await harness.documents.ingest(owner, textCommand(FIRST, { externalId: 'x' }));
  await harness.settle();
  const outcome = await harness.documents.ingest(owner, textCommand(SECOND, { externalId: 'x' }));
  if (outcome.kind !== 'ingested') throw new Error(outcome.kind);
  fault.armed = true;
  const { id } = outcome.document;
  if (andThen === 'remove') await harness.deps.documents.remove(scope, id);
  await harness.settle();
  fault.armed = false;
  const chunks = await harness.deps.chunks.listVersion(scope, id, 2);
  const visible = await harness.deps.chunks.get(
    scope,
    chunks.map((chunk) => chunk.id),
  );
  const state = {
    document: await harness.deps.documents.find(scope, id),
    texts: chunks.map(({ text }) => text),
    visibleCount: visible.length,
    oldCount: (await harness.deps.chunks.listVersion(scope, id, 1)).length,
    counts: await harness.jobs.counts({ system: true }),
    leftovers: await leftovers(harness, scope, id),
    events: andThen === 'finish' ? await drain(await harness.documents.watch(owner, id, -1)) : [],
  };
  await harness.worker.close();
  return state;
}

describe.each(['before', 'after'] as const)('a fault %s any call', (moment) => {
  it('ends in the state of an undisturbed ingestion', async () => {
    const calm = await disturb(new Fault(moment, 0), 'finish');
    expect(calm.document).toMatchObject({ status: 'READY', version: 2, activeVersion: 2 });
    expect(calm.texts.length).toBeGreaterThan(1);
    const hits: string[] = [];
    for (let victim = 1; ; victim += 1) {
      const fault = new Fault(moment, victim);
      const state = await disturb(fault, 'finish');
      if (fault.hit === undefined) break;
      hits.push(fault.hit);
      const { document, texts, visibleCount, oldCount, counts, events } = state;
      expect({ document: document?.status, texts, visibleCount, oldCount, counts }, fault.hit).toEqual({
        ...{ document: 'READY', texts: calm.texts, visibleCount: texts.length, oldCount: 0 },
        counts: { queued: 0, active: 0, dead: 0 },
      });
      expect(events.at(-1), fault.hit).toMatchObject({ stage: 'done', version: 2 });
      expect(state.leftovers.toSorted(), fault.hit).toEqual(calm.leftovers.toSorted());
    }
    for (const call of [
      'blobs.put',
      'chunks.upsert',
      'chunks.publish',
      'documents.publish',
      'jobs.complete',
    ]) {
      expect(hits).toContain(`${moment} ${call}`);
    }
  });

  it('leaves nothing of a document that is removed meanwhile', async () => {
    for (let victim = 1; ; victim += 1) {
      const fault = new Fault(moment, victim);
      const state = await disturb(fault, 'remove');
      if (fault.hit === undefined) break;
      expect(state.document, fault.hit).toBeUndefined();
      expect(state.leftovers, fault.hit).toEqual([]);
      expect(state.counts, fault.hit).toEqual({ queued: 0, active: 0, dead: 0 });
    }
  });
});
