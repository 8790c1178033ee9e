/** What a check of a store has to say about it. */
export interface Finding {
  /** A problem keeps the system from running on the store; with a warning it runs and promises less. */
  readonly level: 'problem' | 'warning';
  /** `migration`: `multidb migrate` mends it. `configuration`: a person must. `outage`: trying again may help. */
  readonly kind: 'migration' | 'configuration' | 'outage';
  /** One sentence that says what is wrong and what to do; it never holds a secret. */
  readonly message: string;
}

/** How a store stands to what this version needs. */
export interface StoreReport {
  /** The product, its version and what was found in order, for people. */
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** Beyond this, times in logs and lists begin to mislead. */
const CLOCK_SKEW_WARNED_MS = 1_000;
/** Beyond this, a lease that one side holds has run out for the other. */
const CLOCK_SKEW_MAX_MS = 5_000;

export function problem(message: string, kind: Finding['kind'] = 'configuration'): Finding {
  return { level: 'problem', kind, message };
}

export function warning(message: string): Finding {
  return { level: 'warning', kind: 'configuration', message };
}

/** A server's clock as it was read between two looks at ours; all in milliseconds since the epoch. */
export interface ClockReading {
  readonly store: string;
  readonly server: number;
  readonly before: number;
  readonly after: number;
}

/** Its clock minus ours, as little as the two looks allow: a slow answer is no skew. */
export function clockSkewMs({ server, before, after }: Omit<ClockReading, 'store'>): number {
  return Math.round(server < before ? server - before : Math.max(0, server - after));
}

export function clockFindings(reading: ClockReading): readonly Finding[] {
  const skewMs = clockSkewMs(reading);
  if (Math.abs(skewMs) <= CLOCK_SKEW_WARNED_MS) return [];
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  const message = `the clock of ${reading.store} is ${Math.abs(skewMs)} ms ${direction} this machine's; synchronise both (NTP).`;
  return [Math.abs(skewMs) > CLOCK_SKEW_MAX_MS ? problem(message) : warning(message)];
}
