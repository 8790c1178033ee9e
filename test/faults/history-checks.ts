/** What every history of a store must obey, whatever overlapped; each returns the rules that it found broken. */
import type { RunEvent } from '../../src/domain/run.ts';
import { type Operation, precedes } from './history.ts';

export interface LeaseInput {
  readonly kind: 'claim' | 'heartbeat';
  readonly owner: string;
  readonly now: number;
  readonly leaseMs: number;
}
/** Runs granted, or still held, each with the generation. */
export interface LeaseOutput {
  readonly held: readonly { readonly runId: string; readonly generation: number }[];
}
type LeaseOperation = Operation<LeaseInput, LeaseOutput>;
interface Held {
  readonly operation: LeaseOperation;
  readonly runId: string;
  readonly generation: number;
}

export function checkLeases(history: readonly LeaseOperation[]): string[] {
  const all = history.flatMap((operation) =>
    operation.output.held.map((held): Held => ({ operation, ...held })),
  );
  const broken: string[] = [];
  for (const runId of new Set(all.map((held) => held.runId))) {
    const ofRun = all.filter((held) => held.runId === runId);
    const claims = ofRun.filter(({ operation }) => operation.input.kind === 'claim');
    broken.push(...checkGrants(runId, claims), ...checkHolders(runId, ofRun, claims));
  }
  return broken;
}

function checkGrants(runId: string, claims: readonly Held[]): string[] {
  const broken: string[] = [];
  const generations = claims.map(({ generation }) => generation).sort((left, right) => left - right);
  for (const [index, generation] of generations.entries()) {
    if (generation === generations[index - 1])
      broken.push(`${runId}: generation ${generation} was granted twice`);
    else if (generation !== index + 2) broken.push(`${runId}: generation ${index + 2} was never granted`);
  }
  for (const first of claims) {
    for (const second of claims) {
      if (precedes(first.operation, second.operation) && first.generation >= second.generation) {
        broken.push(`${runId}: generation ${second.generation} came after ${first.generation}`);
      }
    }
  }
  return broken;
}

function checkHolders(runId: string, all: readonly Held[], claims: readonly Held[]): string[] {
  const broken: string[] = [];
  for (const claim of claims) {
    for (const held of all) {
      const { input } = held.operation;
      const isEarlier = precedes(held.operation, claim.operation) && held.generation === claim.generation - 1;
      if (isEarlier && claim.operation.input.now < input.now + input.leaseMs) {
        broken.push(`${runId}: generation ${claim.generation} was granted before the lease was over`);
      }
      const isLate = input.kind === 'heartbeat' && precedes(claim.operation, held.operation);
      if (isLate && held.generation < claim.generation) {
        broken.push(
          `${runId}: generation ${held.generation} was renewed after ${claim.generation} was granted`,
        );
      }
    }
  }
  return broken;
}

export interface KeyInput {
  readonly key: string;
  readonly payload: string;
}
export type KeyOutput =
  | { readonly kind: 'started' | 'replayed'; readonly runId: string }
  | { readonly kind: 'conflict' };

export function checkKeys(history: readonly Operation<KeyInput, KeyOutput>[]): string[] {
  const broken: string[] = [];
  for (const key of new Set(history.map(({ input }) => input.key))) {
    const ofKey = history.filter(({ input }) => input.key === key);
    const winners = ofKey.filter(({ output }) => output.kind === 'started');
    const [winner] = winners;
    if (winners.length !== 1 || !winner || winner.output.kind === 'conflict') {
      broken.push(`${key}: ${winners.length} winners`);
      continue;
    }
    const { runId } = winner.output;
    for (const other of ofKey.filter((operation) => operation !== winner)) {
      const isSame = other.input.payload === winner.input.payload;
      if (isSame && other.output.kind !== 'replayed')
        broken.push(`${key}: a repeat was answered ${other.output.kind}`);
      if (!isSame && other.output.kind !== 'conflict') broken.push(`${key}: another payload was accepted`);
      if (other.output.kind === 'replayed' && other.output.runId !== runId) broken.push(`${key}: two runs`);
      if (precedes(other, winner)) broken.push(`${key}: answered before it was won`);
    }
  }
  return broken;
}

export type QuotaInput =
  | { readonly kind: 'reserve'; readonly runId: string; readonly amount: number }
  | { readonly kind: 'settle'; readonly runId: string; readonly amount: number };
export type QuotaOutput = 'done' | 'refused';
type QuotaOperation = Operation<QuotaInput, QuotaOutput>;
interface Spending {
  readonly reserve: QuotaOperation;
  readonly settle: QuotaOperation | undefined;
}

/** At no moment may what is certainly reserved or used pass the limit; nobody may be refused who certainly fitted. */
export function checkQuota(history: readonly QuotaOperation[], limit: number): string[] {
  const broken: string[] = [];
  const settled = new Map(
    history
      .filter(({ input }) => input.kind === 'settle')
      .map((operation) => [operation.input.runId, operation]),
  );
  const spendings = history
    .filter(({ input, output }) => input.kind === 'reserve' && output === 'done')
    .map((reserve): Spending => ({ reserve, settle: settled.get(reserve.input.runId) }));
  for (const { returnedAt } of history) {
    const least = total(spendings.map((spending) => certainAt(spending, returnedAt)));
    if (least > limit) broken.push(`at ${returnedAt} at least ${least} of ${limit} were taken`);
  }
  for (const refused of history.filter(({ output }) => output === 'refused')) {
    const most = total(spendings.map((spending) => possibleDuring(spending, refused)));
    if (most + refused.input.amount <= limit) {
      broken.push(`${refused.input.amount} were refused although at most ${most} of ${limit} were taken`);
    }
  }
  return broken;
}

function certainAt({ reserve, settle }: Spending, tick: number): number {
  if (reserve.returnedAt > tick) return 0;
  if (!settle || settle.calledAt > tick) return reserve.input.amount;
  return Math.min(settle.input.amount, reserve.input.amount);
}

function possibleDuring({ reserve, settle }: Spending, other: QuotaOperation): number {
  if (reserve.calledAt > other.returnedAt) return 0;
  return settle && settle.returnedAt < other.calledAt ? settle.input.amount : reserve.input.amount;
}

function total(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

export type FenceInput =
  | { readonly kind: 'fence'; readonly generation: number }
  | {
      readonly kind: 'append';
      readonly generation: number;
      readonly first: number;
      readonly texts: readonly string[];
    };
export type FenceOutput = 'accepted' | 'refused' | readonly RunEvent[];
type FenceOperation = Operation<FenceInput, FenceOutput>;

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

/** `log`: everything, read when all was over. */
export function checkFencing(history: readonly FenceOperation[], log: readonly RunEvent[]): string[] {
  const broken: string[] = [];
  if (log.some(({ sequence }, index) => sequence !== index)) broken.push('the log is not dense');
  const fences = history.filter(({ input, output }) => input.kind === 'fence' && Array.isArray(output));
  let keptCount = 0;
  for (const append of history) {
    const { input } = append;
    if (input.kind !== 'append' || append.output !== 'accepted') continue;
    keptCount += input.texts.length;
    const stored = log.slice(input.first, input.first + input.texts.length);
    const texts = stored.map((event) => (event.type === 'TokenDelta' ? event.text : ''));
    if (!same(texts, input.texts)) broken.push(`accepted at ${input.first} and not there`);
    for (const fence of fences) {
      if (fence.input.generation > input.generation && precedes(fence, append)) {
        broken.push(`generation ${input.generation} appended behind the fence of ${fence.input.generation}`);
      }
      const seen = fence.output as readonly RunEvent[];
      if (precedes(append, fence) && seen.length < input.first + input.texts.length) {
        broken.push(`the fence of ${fence.input.generation} did not see what was accepted before it`);
      }
    }
  }
  for (const { output } of fences) {
    if (!same(output, log.slice(0, (output as readonly RunEvent[]).length)))
      broken.push('a fence saw another log');
  }
  if (keptCount !== log.length) broken.push(`${keptCount} events were accepted, the log has ${log.length}`);
  return broken;
}
