import type { Lifecycle } from '../domain/ports/system.ts';
import type { PoolGauges, Readiness } from './http/health.ts';

/** Each store has this long of its own: a silent one does not make the others look silent. */
const READINESS_TIMEOUT_MS = 2_000;

export interface NamedStore {
  /** Of the product, never of a place: the answer is for everybody who reaches the server. */
  readonly name: string;
  readonly health: Lifecycle['health'];
  /** Of its pool of connections, if it has one. */
  readonly gauges?: () => PoolGauges;
}

/** Asks every store. Calls that meet share one answer, so that asking often costs the stores nothing more. */
export function readinessOf(
  stores: readonly NamedStore[],
  timeoutMs = READINESS_TIMEOUT_MS,
): () => Promise<Readiness> {
  let asking: Promise<Readiness> | undefined;
  return () => {
    asking ??= askAll(stores, timeoutMs).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

async function askAll(stores: readonly NamedStore[], timeoutMs: number): Promise<Readiness> {
  const states = await Promise.all(
    stores.map(async (store) => [store.name, await askOne(store, timeoutMs)] as const),
  );
  const isReady = states.every(([, state]) => state === 'ready');
  const pools = stores.flatMap(({ name, gauges }) => (gauges ? [[name, gauges()] as const] : []));
  return {
    status: isReady ? 'ready' : 'not ready',
    stores: Object.fromEntries(states),
    ...(pools.length === 0 ? {} : { pools: Object.fromEntries(pools) }),
  };
}

async function askOne({ health }: NamedStore, timeoutMs: number): Promise<Readiness['stores'][string]> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const late = Promise.withResolvers<'silent'>();
  // A store that does not heed the signal is not waited for either.
  deadline.addEventListener('abort', () => late.resolve('silent'), { once: true });
  const answer = health(deadline).then(
    () => 'ready' as const,
    () => (deadline.aborted ? ('silent' as const) : ('unavailable' as const)),
  );
  return Promise.race([answer, late.promise]);
}
