import type { Tokenizer } from '../../../domain/ports/models.ts';

export interface ReportedUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}
/** One request to a model. */
export interface MeteredCall {
  /** The model reported its usage, or (undefined) finished without. */
  finished(usage: ReportedUsage | undefined): void;
  /** It failed before its first delta: nobody is charged for a refusal. */
  refused(): void;
}
interface CallRecord {
  readonly prompt: string;
  readonly shownFrom: number;
  shownTo: number | undefined;
  reported: ReportedUsage | undefined;
  refused: boolean;
}
export interface TotalUsage extends ReportedUsage {
  readonly estimated: boolean;
}

/**
 * What a run consumed: what the models reported; for a call that reported nothing (stopped, reset, a server without
 * usage) prompt and shown text by tokenizer. Text that was never shown is free, and so is asking again after a crash:
 * of an earlier attempt only its shown text counts, and the requests that it finished.
 */
export class UsageMeter {
  readonly #tokenizer: Tokenizer;
  readonly #supersededLength: number;
  /** The tokenizer is the model's own: its counts are exact. */
  readonly #exact: boolean;
  readonly #calls: CallRecord[] = [];
  readonly #earlier: TotalUsage[] = [];
  #supersededFrom = 0;

  constructor(options: {
    readonly tokenizer: Tokenizer;
    readonly supersededLength: number;
    readonly exact: boolean;
  }) {
    this.#tokenizer = options.tokenizer;
    this.#supersededLength = options.supersededLength;
    this.#exact = options.exact;
  }

  /** A request that an earlier attempt finished, with all that was shown up to its end. */
  finishedBefore(usage: TotalUsage, textLength: number): void {
    this.#earlier.push(usage);
    this.#supersededFrom = textLength;
  }

  /** `shownFrom`: length of the text before the call's first delta. */
  begin(prompt: string, shownFrom: number, shownTo: () => number): MeteredCall {
    const call: CallRecord = { prompt, shownFrom, shownTo: undefined, reported: undefined, refused: false };
    this.#calls.push(call);
    return {
      finished: (usage) => {
        call.reported = usage;
        call.shownTo = shownTo();
      },
      refused: () => {
        call.refused = true;
      },
    };
  }

  total(shownText: string): TotalUsage {
    let inputTokens = 0;
    const superseded = shownText.slice(this.#supersededFrom, this.#supersededLength);
    let outputTokens = this.#tokenizer.count(superseded);
    let estimated = outputTokens > 0;
    for (const usage of this.#earlier) {
      inputTokens += usage.inputTokens;
      outputTokens += usage.outputTokens;
      estimated ||= usage.estimated;
    }
    for (const call of this.#calls) {
      if (call.refused) continue;
      if (call.reported === undefined) {
        inputTokens += this.#tokenizer.count(call.prompt);
        outputTokens += this.#tokenizer.count(shownText.slice(call.shownFrom, call.shownTo));
        estimated = true;
      } else {
        inputTokens += call.reported.inputTokens;
        outputTokens += call.reported.outputTokens;
      }
    }
    return { inputTokens, outputTokens, estimated: estimated && !this.#exact };
  }
}
