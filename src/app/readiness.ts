import type { Lifecycle } from '../domain/ports/system.ts';

const READINESS_TIMEOUT_MS = 2_000;

/** True when every store answers within the deadline. */
export function readinessOf(stores: readonly Pick<Lifecycle, 'health'>[]): () => Promise<boolean> {
  return async () => {
    const signal = AbortSignal.timeout(READINESS_TIMEOUT_MS);
    const answers = await Promise.allSettled(stores.map((store) => store.health(signal)));
    return answers.every(({ status }) => status === 'fulfilled');
  };
}
