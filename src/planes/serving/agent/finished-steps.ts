import { z } from 'zod';
import type { Message } from '../../../domain/conversation.ts';
import type { Passage } from '../../../domain/document.ts';
import type { ToolCall } from '../../../domain/ports/models.ts';
import type { StepResult } from '../../../domain/ports/runs.ts';
import type { RunEvent } from '../../../domain/run.ts';
import type { Plan } from './plan.ts';
import type { TotalUsage } from './usage-meter.ts';

/** The state of the graph before the answer: with it an answer is made from the very passages of the first attempt. */
export interface FinishedRetrieval {
  readonly history: readonly Message[];
  readonly searchPlan: Plan;
  readonly passages: readonly Passage[];
}
/** A request to the model that ended with tool calls. */
export interface FinishedRound {
  /** The model's own words, markers included. */
  readonly said: string;
  readonly toolCalls: readonly ToolCall[];
  readonly usage: TotalUsage;
  /** Of all the text that was shown when it ended. */
  readonly textLength: number;
  /** Of the tool calls that are finished, in order. */
  readonly results: readonly ToolResult[];
}
export interface ToolResult {
  /** What the model is told. */
  readonly text: string;
  /** What was found and is new; numbered on behind what the model had. */
  readonly passages: readonly Passage[];
}
export interface FinishedSteps {
  readonly retrieval: FinishedRetrieval | undefined;
  readonly rounds: readonly FinishedRound[];
  /** The start of the first unfinished tool call has been shown. */
  readonly isToolAnnounced: boolean;
}
export const NOTHING_FINISHED: FinishedSteps = { retrieval: undefined, rounds: [], isToolAnnounced: false };

// Stored by this module. What the steps pass on is checked; the rest of a stored record is the domain's own.
const record = <T>(isSound: (value: Readonly<Record<string, unknown>>) => boolean) =>
  z.custom<T>((value) => typeof value === 'object' && value !== null && isSound({ ...value }));
const message = record<Message>(({ role, text }) => typeof role === 'string' && typeof text === 'string');
const passage = record<Passage>(({ chunk }) => {
  const { id, text, start } = (chunk ?? {}) as Partial<Passage['chunk']>;
  return typeof id === 'string' && typeof text === 'string' && typeof start === 'number';
});
const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
const retrieval = z.object({
  history: z.array(message),
  searchPlan: z.object({ retrieve: z.boolean(), query: z.string() }),
  passages: z.array(passage),
});
const round = z.object({
  said: z.string(),
  toolCalls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })),
  usage: z.object({ inputTokens: z.int(), outputTokens: z.int(), estimated: z.boolean() }),
  textLength: z.int(),
});
const tool = z.object({ text: z.string(), passages: z.array(passage) });
const stored = z.discriminatedUnion('step', [
  z.object({ step: z.literal('retrieval'), result: json(retrieval) }),
  z.object({ step: z.literal('round'), result: json(round) }),
  z.object({ step: z.literal('tool'), result: json(tool) }),
]);

/** History is for the model's eyes: what its messages once cited is not. */
export function retrievalResult({ history, searchPlan, passages }: FinishedRetrieval): StepResult {
  const bare = history.map((turn) => ({ ...turn, citations: [] }));
  return { step: 'retrieval', result: JSON.stringify({ history: bare, searchPlan, passages }) };
}

export function roundResult(finished: Omit<FinishedRound, 'results'>): StepResult {
  return { step: 'round', result: JSON.stringify(finished) };
}

export function toolResult(finished: ToolResult): StepResult {
  return { step: 'tool', result: JSON.stringify(finished) };
}

/** What earlier attempts finished, up to a result of another version that cannot be read: from there on it is done again. */
export function readFinishedSteps(
  results: readonly StepResult[],
  events: readonly RunEvent[],
): FinishedSteps {
  let retrieved: FinishedRetrieval | undefined;
  const rounds: (FinishedRound & { readonly results: ToolResult[] })[] = [];
  for (const entry of results) {
    const { success, data } = stored.safeParse(entry);
    if (!success) break;
    if (data.step === 'retrieval') retrieved = data.result;
    else if (data.step === 'round') rounds.push({ ...data.result, results: [] });
    else rounds.at(-1)?.results.push(data.result);
  }
  return { retrieval: retrieved, rounds, isToolAnnounced: isAnnounced(events) };
}

function isAnnounced(events: readonly RunEvent[]): boolean {
  const last = events.findLast(({ type }) => type === 'ToolCallStart' || type === 'ToolCallEnd');
  return last?.type === 'ToolCallStart';
}
