/** What one run consumed. Tokens and micro-units of the workspace's currency; integers. */
export interface RunUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicros: number;
  /** True when the model reported nothing and the tokens were counted by a tokenizer. */
  readonly estimated: boolean;
}

export interface UsageTotals {
  readonly messages: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicros: number;
}

export interface Quota {
  /** null: unlimited. */
  readonly limitMicros: number | null;
  readonly usedMicros: number;
  readonly reservedMicros: number;
  /** Milliseconds since the epoch: first instant of the next calendar month in UTC. */
  readonly resetsAt: number;
}

/** Micro-units per million tokens. */
export interface ModelPrice {
  readonly inputMicrosPerMillion: number;
  readonly outputMicrosPerMillion: number;
}

/** Rounded up once a run, so that a run is never charged less than its tokens cost. */
export function costMicros(price: ModelPrice, inputTokens: number, outputTokens: number): number {
  const scaled =
    BigInt(inputTokens) * BigInt(price.inputMicrosPerMillion) +
    BigInt(outputTokens) * BigInt(price.outputMicrosPerMillion);
  return Number((scaled + 999_999n) / 1_000_000n);
}

/** Quota period of an instant: `YYYY-MM` in UTC. */
export function quotaPeriod(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 7);
}

export function nextPeriodStart(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
}
