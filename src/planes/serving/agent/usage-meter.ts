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
 * of an earlier attempt only its shown text counts.
 */
export class UsageMeter {
  readonly #tokenizer: Tokenizer;
  readonly #supersededLength: number;
  /** The tokenizer is the model's own: its counts are exact. */
  readonly #exact: boolean;
  readonly #calls: CallRecord[] = [];

  constructor(options: {
    readonly tokenizer: Tokenizer;
    readonly supersededLength: number;
    readonly exact: boolean;
  }) {
    this.#tokenizer = options.tokenizer;
    this.#supersededLength = options.supersededLength;
    this.#exact = options.exact;
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
    let outputTokens = this.#tokenizer.count(shownText.slice(0, this.#supersededLength));
    let estimated = outputTokens > 0;
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
