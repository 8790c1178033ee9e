import type { WireError } from '../../worker/messages.ts';

export interface ThreadCall {
  readonly id: number;
  readonly operation: string;
  readonly input: unknown;
}
export type ThreadReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: WireError };

/** What a thread offers: one synchronous function an operation, inputs and outputs that survive a structured clone. */
export type Operations = Readonly<Record<string, (input: never) => unknown>>;
