import { createHash } from 'node:crypto';
import { SystemClock } from '../../src/adapters/system/clock.ts';
import { UlidGenerator } from '../../src/adapters/system/ids.ts';
import { SystemRandom } from '../../src/adapters/system/random.ts';
import type { Citation } from '../../src/domain/citation.ts';
import type { Message } from '../../src/domain/conversation.ts';
import type { ConversationId, DocumentId } from '../../src/domain/ids.ts';
import type { IndexedChunk } from '../../src/domain/ports/chunk-index.ts';
import type { RunEvent, RunEventBody } from '../../src/domain/run.ts';
import type { WorkspaceScope } from '../../src/domain/scope.ts';
import { SeededRandom } from './random.ts';

/** Unique across runs and processes: suites share servers and keep apart by fresh workspaces. */
export const ids = new UlidGenerator(new SystemClock(), new SystemRandom());

export function newScope(): WorkspaceScope {
  return { workspaceId: ids.next('wsp') };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Text that a store with the wrong encoding, collation or escaping would not give back. */
export const AWKWARD_TEXT =
  'na\u00efve \u{1f600} \u4e1c\u4eac \u2028 \\ \' " \t $1 %_ \u0001 {"a":[1]} \r\n end';

export function newCitation(overrides: Partial<Citation> = {}): Citation {
  return {
    index: 1,
    chunkId: ids.next('chk'),
    documentId: ids.next('doc'),
    documentTitle: AWKWARD_TEXT,
    documentVersion: 2,
    headingPath: ['Part', AWKWARD_TEXT],
    page: 3,
    quote: AWKWARD_TEXT,
    sourceStart: 10,
    sourceEnd: 20,
    answerStart: 0,
    answerEnd: 5,
    ...overrides,
  };
}

export function newMessage(overrides: Partial<Message> = {}): Message {
  return {
    id: ids.next('msg'),
    conversationId: ids.next('cnv'),
    position: 0,
    role: 'USER',
    text: AWKWARD_TEXT,
    runId: ids.next('run'),
    citations: [],
    createdAt: 1_700_000_000_123,
    ...overrides,
  };
}

/** A question and its answer, `count` times, at positions 0, 1, 2, … of one conversation. */
export function newMessages(conversationId: ConversationId, count: number): readonly Message[] {
  return Array.from({ length: count }, (_, position) =>
    newMessage({
      conversationId,
      position,
      role: position % 2 === 0 ? 'USER' : 'ASSISTANT',
      text: `message ${position}`,
    }),
  );
}

export function deltas(...texts: readonly string[]): readonly RunEventBody[] {
  return texts.map((text) => ({ type: 'TokenDelta', text }));
}

export function numbered(events: readonly RunEventBody[], firstSequence = 0): readonly RunEvent[] {
  return events.map((event, index) => ({ ...event, sequence: firstSequence + index }));
}

/** One of every kind of event. */
export function everyEvent(): readonly RunEventBody[] {
  return [
    { type: 'RunStart' },
    { type: 'RetrievalEnd', passageCount: 7 },
    { type: 'ToolCallStart', toolCallId: 'call_1', toolName: 'search' },
    { type: 'ToolCallEnd', toolCallId: 'call_1', toolName: 'search', succeeded: false },
    { type: 'TokenDelta', text: AWKWARD_TEXT },
    { type: 'CitationAdded', citation: newCitation({ page: null }) },
    { type: 'RunHandover', generation: 2, textLength: 17 },
    { type: 'RunGap', firstMissing: 3, lastMissing: 4 },
    { type: 'UsageReported', inputTokens: 5, outputTokens: 6, costMicros: 7, estimated: true },
    { type: 'RunError', error: { code: 'MODEL_FAILED', message: AWKWARD_TEXT, retryable: true } },
    { type: 'RunEnd', finishReason: 'COMPLETED' },
  ];
}

export interface ChunkSpec extends Partial<IndexedChunk> {
  readonly documentId: DocumentId;
}

export function newChunk(spec: ChunkSpec): IndexedChunk {
  const text = spec.text ?? 'a chunk of text';
  return {
    id: ids.next('chk'),
    documentVersion: 1,
    collectionId: ids.next('col'),
    ordinal: 0,
    text,
    start: 0,
    end: text.length,
    headingPath: [],
    page: null,
    metadata: {},
    contentHash: sha256(text),
    vector: unitVector(8, 1),
    tokenIds: Uint32Array.of(),
    ...spec,
  };
}

export function unitVector(dimensions: number, seed: number): Float32Array {
  const random = new SeededRandom(seed);
  const values = Array.from({ length: dimensions }, () => random.fraction() * 2 - 1);
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}
