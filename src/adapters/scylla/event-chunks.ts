import type { RunEvent } from '../../domain/run.ts';
import { decodeEvents, encodeEvents } from '../embedded/sqlite/run-event-codec.ts';
import { damaged } from './message-rows.ts';

/** Events in one value: their JSON has at most this many bytes, or is of one event alone. */
const CHUNK_BYTES_MAX = 64 * 1024;

export interface EventChunk {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** In the words of the embedded chat log, so that rows move between the two as they are. */
  readonly events: string;
}

/** Dense events as chunks, a function of the events alone: whoever writes them writes the same. At least one chunk. */
export function toChunks(events: readonly RunEvent[], firstSequence = 0): readonly EventChunk[] {
  const encoded = encodeEvents(events);
  if (events.length <= 1 || Buffer.byteLength(encoded) <= CHUNK_BYTES_MAX) {
    return [{ firstSequence, lastSequence: firstSequence + events.length - 1, events: encoded }];
  }
  const middle = events.length >> 1;
  return [
    ...toChunks(events.slice(0, middle), firstSequence),
    ...toChunks(events.slice(middle), firstSequence + middle),
  ];
}

/** Throws STORE_UNAVAILABLE, not retryable, for a text that `toChunks` did not write. */
export function fromChunk(events: string, firstSequence: number): readonly RunEvent[] {
  try {
    return decodeEvents(events, firstSequence);
  } catch (error) {
    throw damaged(error);
  }
}
