import { z } from 'zod';
import type { StepResult } from '../../../domain/ports/runs.ts';
import type { RunEvent, RunEventBody } from '../../../domain/run.ts';
import { storageError } from '../storage-error.ts';

const stepResults = z.array(z.object({ step: z.string(), result: z.string() }));

/**
 * A dense batch of events as one JSON text. A piece of text is a bare string and the place is not written at all, which
 * halves what nearly every event needs; everything else is its own object.
 */
export function encodeEvents(events: readonly (RunEventBody | RunEvent)[]): string {
  return JSON.stringify(
    events.map((event) => (event.type === 'TokenDelta' ? event.text : withoutPlace(event))),
  );
}

function withoutPlace(event: RunEventBody | RunEvent): object {
  if (!('sequence' in event)) return event;
  const { sequence: _, ...body } = event;
  return body;
}

const TYPES: ReadonlySet<unknown> = new Set<RunEventBody['type']>([
  'RunStart',
  'RetrievalEnd',
  'ToolCallStart',
  'ToolCallEnd',
  'CitationAdded',
  'UsageReported',
  'RunHandover',
  'RunGap',
  'RunEnd',
  'RunError',
]);

/** Throws STORE_UNAVAILABLE for a text that `encodeEvents` did not write. */
export function decodeEvents(text: string, firstSequence: number): RunEvent[] {
  const items: unknown = parse(text);
  if (!Array.isArray(items)) throw damaged();
  return items.map((item: unknown, index) => decodeEvent(item, firstSequence + index));
}

function decodeEvent(item: unknown, sequence: number): RunEvent {
  if (typeof item === 'string') return { type: 'TokenDelta', text: item, sequence };
  if (typeof item !== 'object' || item === null || !('type' in item) || !TYPES.has(item.type))
    throw damaged();
  // Written by this module from a RunEventBody; the kind is checked, its fields are our own.
  return { ...(item as RunEventBody), sequence };
}

/** Throws STORE_UNAVAILABLE for a text that is not the JSON of step results. */
export function decodeSteps(text: string): StepResult[] {
  const parsed = stepResults.safeParse(parse(text));
  if (!parsed.success) throw damaged();
  return parsed.data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function damaged(): Error {
  return storageError('The log of a run is damaged; restore the data folder from a backup.');
}
