import type { Harm } from './run-checks.ts';
import type { TrialResult } from './trial.ts';
import type { Fault } from './trial-plan.ts';

/** What the last line says. */
export interface Verdict {
  readonly trials: number;
  readonly kills: number;
  readonly lost: number;
  readonly doubled: number;
  readonly misbilled: number;
  /** null: nothing was taken over. */
  readonly takeoverP99Ms: number | null;
}

/** Counts what trials found. */
export class Tally {
  readonly findings: string[] = [];
  /** One line about the last trial. */
  last = '';
  #trials = 0;
  #runs = 0;
  readonly #hits: Record<Fault, number> = { SIGKILL: 0, SIGSTOP: 0, SIGTERM: 0, network: 0 };
  readonly #harms: Record<Harm, number> = { lost: 0, doubled: 0, misbilled: 0 };
  readonly #takeoverMs: number[] = [];

  get kills(): number {
    return this.#hits.SIGKILL + this.#hits.SIGSTOP;
  }
  get trials(): number {
    return this.#trials;
  }

  add(trial: number, { plan, hit, findings, takeoverMs, phasesMs }: TrialResult): void {
    this.last = `trial ${trial}: ${plan.fault} ${plan.moment.kind}, ${hit ? 'hit' : 'missed'}, ms ${phasesMs.join(' ')}, takeover ${takeoverMs.join(' ')}`;
    this.#trials += 1;
    this.#runs += plan.runs.length;
    if (hit || plan.fault === 'SIGTERM' || plan.fault === 'network') this.#hits[plan.fault] += 1;
    for (const { harm, what } of findings)
      this.report(harm, `trial ${trial} (${plan.fault}, ${plan.moment.kind}): ${what}`);
    this.#takeoverMs.push(...takeoverMs);
  }

  report(harm: Harm, what: string): void {
    this.#harms[harm] += 1;
    this.findings.push(`${harm}: ${what}`);
  }

  progress(): string {
    const { SIGKILL, SIGSTOP, SIGTERM, network } = this.#hits;
    const takeover = [0.5, 0.99, 1].map((share) => this.#takeoverQuantile(share)).join(' / ');
    return `${this.#trials} trials, ${this.#runs} runs: ${SIGKILL} killed, ${SIGSTOP} stopped, ${SIGTERM} drained, ${network} cut off; takeover p50 / p99 / max ${takeover} ms`;
  }

  verdict(): Verdict {
    return {
      trials: this.#trials,
      kills: this.kills,
      ...this.#harms,
      takeoverP99Ms: this.#takeoverQuantile(0.99),
    };
  }

  #takeoverQuantile(share: number): number | null {
    const sorted = this.#takeoverMs.toSorted((left, right) => left - right);
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
  }
}

export function isClean({ lost, doubled, misbilled }: Verdict): boolean {
  return lost === 0 && doubled === 0 && misbilled === 0;
}
