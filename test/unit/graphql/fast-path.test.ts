import fc from 'fast-check';
import { type ExecutionResult, parse, subscribe, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { Citation } from '../../../src/domain/citation.ts';
import type { RunEvent, RunEventBody } from '../../../src/domain/run.ts';
import { RequestContext } from '../../../src/graphql/context.ts';
import { cursorPrefix, cursorSuffix } from '../../../src/graphql/cursors.ts';
import { ErrorMapping } from '../../../src/graphql/error-mapping.ts';
import { DEFAULT_OPERATION_LIMITS } from '../../../src/graphql/operation-limits.ts';
import { Operations } from '../../../src/graphql/operations.ts';
import type { ResultSink } from '../../../src/graphql/run-event-pump.ts';
import { buildGraphSchema } from '../../../src/graphql/schema.ts';
import { SelectionCache } from '../../../src/graphql/selection-cache.ts';
import { recordingLog } from '../../support/edge-server.ts';
import type { FakeFeed } from '../../support/fake-feed.ts';
import { FakeWorld, fakeId, fakeMessage } from '../../support/fake-services.ts';

const schema = buildGraphSchema();
const world = new FakeWorld();
const cited = world.addDocument({ title: 'Cited "document"' });
const run = world.addRun(
  { status: 'COMPLETED' },
  fakeMessage({ role: 'ASSISTANT', text: 'The answer.', citations: [] }),
);

const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => value.isWellFormed());
const int = fc.nat(2 ** 31 - 1);
const safeInt = fc.maxSafeNat();
const citation: fc.Arbitrary<Citation> = fc.record({
  index: int,
  chunkId: fc.constant(fakeId('chk')),
  documentId: fc.constantFrom(cited.id, fakeId('doc')),
  documentTitle: text,
  documentVersion: int,
  headingPath: fc.array(text, { maxLength: 3 }),
  page: fc.option(int, { nil: null }),
  quote: text,
  sourceStart: int,
  sourceEnd: int,
  answerStart: int,
  answerEnd: int,
});
const usage = { inputTokens: safeInt, outputTokens: safeInt, costMicros: safeInt, estimated: fc.boolean() };
const body: fc.Arbitrary<RunEventBody> = fc.oneof(
  fc.record({ type: fc.constant('RunStart' as const) }),
  fc.record({ type: fc.constant('RetrievalEnd' as const), passageCount: int }),
  fc.record({ type: fc.constant('ToolCallStart' as const), toolCallId: text, toolName: text }),
  fc.record({
    type: fc.constant('ToolCallEnd' as const),
    toolCallId: text,
    toolName: text,
    succeeded: fc.boolean(),
  }),
  fc.record({ type: fc.constant('TokenDelta' as const), text }),
  fc.record({ type: fc.constant('CitationAdded' as const), citation }),
  fc.record({ type: fc.constant('UsageReported' as const), ...usage }),
  fc.record({ type: fc.constant('RunHandover' as const), generation: int, textLength: int }),
  fc.record({ type: fc.constant('RunGap' as const), firstMissing: int, lastMissing: int }),
  fc.record({
    type: fc.constant('RunEnd' as const),
    finishReason: fc.constantFrom('COMPLETED' as const, 'STOPPED' as const, 'LIMIT' as const),
  }),
  fc.record({
    type: fc.constant('RunError' as const),
    error: fc.record({ code: text, message: text, retryable: fc.boolean() }),
  }),
);
const events: fc.Arbitrary<RunEvent[]> = fc
  .array(body, { maxLength: 12 })
  .map((bodies) => bodies.map((event, sequence) => ({ ...event, sequence })));

const CITATION = `fragment C on Citation { index chunkId quote sourceStart sourceEnd answerStart answerEnd
  documentTitle documentVersion headingPath page }`;
/** Plain, aliased, nested fragments, merged selections, directives with variables, and fields with resolvers. */
const SELECTIONS: readonly string[] = [
  'subscription ($id: ID!) { runEvents(runId: $id) { __typename cursor sequence ... on TokenDelta { text } } }',
  'subscription ($id: ID!) { events: runEvents(runId: $id) { kind: __typename at: cursor n: sequence ... on TokenDelta { delta: text } } }',
  'subscription ($id: ID!) { runEvents(runId: $id) { ... on UsageReported { inputTokens outputTokens costMicros estimated } } }',
  `subscription ($id: ID!) { runEvents(runId: $id) { ...All ... on RunEvent { sequence again: sequence } ... on CitationAdded { citation { quote } citation { ...C } } } }
   fragment All on RunEvent { ...Token ... on RetrievalEnd { passageCount } ... on RunHandover { generation textLength } ... on RunGap { firstMissing lastMissing } }
   fragment Token on TokenDelta { text __typename } ${CITATION}`,
  `subscription ($id: ID!, $cursors: Boolean = true, $texts: Boolean!) { runEvents(runId: $id) {
     __typename cursor @include(if: $cursors) ... on TokenDelta @skip(if: $texts) { text } ... @include(if: $texts) { sequence }
     ... on ToolCallStart { toolCallId toolName } ... on ToolCallEnd { succeeded @skip(if: true) toolName } } }`,
  `subscription ($id: ID!) { runEvents(runId: $id) { __typename sequence
     ... on CitationAdded { citation { ...C document { id title } } }
     ... on RunEnd { finishReason message { id text role citations { ...C } } }
     ... on RunError { error { code message retryable } } } } ${CITATION}`,
];

function context(): RequestContext {
  return new RequestContext({
    services: world.services,
    principal: world.principal,
    credentialRefused: false,
    origin: { address: '127.0.0.1' },
    requestId: 'request',
    baseUrl: 'http://localhost',
  });
}

function argsFor(source: string, variables: Record<string, unknown>) {
  const document = parse(source);
  expect(validate(schema, document)).toEqual([]);
  return { schema, document, variableValues: { id: run.id, ...variables }, contextValue: context() };
}

async function byGraphqlJs(source: string, variables: Record<string, unknown>): Promise<string[]> {
  const results = await subscribe(argsFor(source, variables));
  if (!('next' in results)) throw new Error(JSON.stringify(results.errors));
  const texts: string[] = [];
  for await (const result of results) texts.push(JSON.stringify(result));
  return texts;
}

class CollectingSink implements ResultSink {
  readonly texts: string[] = [];
  readonly full = false;
  write(payload: string): void {
    this.texts.push(payload);
  }
  async drained(): Promise<boolean> {
    return true;
  }
}

const { log, lines } = recordingLog();
const errors = new ErrorMapping({ log, hideSuggestions: false });
const operations = new Operations({ schema, limits: DEFAULT_OPERATION_LIMITS, introspection: true, errors });

async function byFastPath(source: string, variables: Record<string, unknown>): Promise<string[]> {
  const prepared = operations.prepare({ query: source, variables: { id: run.id, ...variables } }, context());
  if ('errors' in prepared) throw prepared.errors[0];
  const sink = new CollectingSink();
  const stream = await operations.subscribe(prepared.args, sink);
  if (!('next' in stream)) throw new Error(JSON.stringify(stream.errors));
  for await (const result of stream) throw new Error(`the pump yielded ${JSON.stringify(result)}`);
  return sink.texts;
}

describe('the fast path of run events', () => {
  it('writes, byte for byte, what graphql-js gives for the same documents', async () => {
    const selections = fc.record({
      source: fc.constantFrom(...SELECTIONS),
      cursors: fc.boolean(),
      texts: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(selections, events, async ({ source, cursors, texts }, generated) => {
        world.onWatch = (feed) => feed.push(...generated).end();
        const variables = source.includes('$texts') ? { cursors, texts } : {};
        const fast = await byFastPath(source, variables);
        expect(fast).toEqual(await byGraphqlJs(source, variables));
        expect(fast).toHaveLength(generated.length);
      }),
      { numRuns: 300 },
    );
    expect(lines).toEqual([]);
  });

  it('keeps token deltas away from graphql-js even where other events need resolvers', () => {
    const source = SELECTIONS.at(-1) ?? '';
    const audience = new SelectionCache().find(argsFor(source, {}))?.join(run.id);
    expect(audience?.payload({ type: 'TokenDelta', text: 'a', sequence: 3 })).toBe(
      '{"data":{"runEvents":{"__typename":"TokenDelta","sequence":3}}}',
    );
    expect(audience?.payload({ type: 'RunEnd', finishReason: 'COMPLETED', sequence: 4 })).toBeUndefined();
  });

  it('serialises an event once for all who watch one run with one selection', () => {
    const cache = new SelectionCache();
    const args = argsFor(SELECTIONS[0] ?? '', {});
    const selection = cache.find(args);
    expect(cache.find({ ...args })).toBe(selection);
    let reads = 0;
    const event: RunEvent = {
      type: 'TokenDelta',
      sequence: 7,
      get text() {
        reads += 1;
        return 'once';
      },
    };
    const audiences = Array.from({ length: 10 }, () => selection?.join(run.id));
    const payloads = new Set(audiences.map((audience) => audience?.payload(event)));
    expect(payloads).toEqual(
      new Set([
        `{"data":{"runEvents":{"__typename":"TokenDelta","cursor":"${cursorPrefix(run.id)}${cursorSuffix(7)}","sequence":7,"text":"once"}}}`,
      ]),
    );
    expect(reads).toBe(1);
    const other = selection?.join(fakeId('run'));
    expect(other?.payload(event)).not.toBe([...payloads][0]);
    for (const audience of audiences) if (audience) selection?.leave(audience);
    expect(selection?.join(run.id)).not.toBe(audiences[0]);
  });

  it('asks the feed for more only when the sink has room', async () => {
    let open: (() => void) | undefined;
    const sink = {
      texts: [] as string[],
      full: true,
      write(payload: string) {
        this.texts.push(payload);
      },
      drained: () =>
        new Promise<boolean>((resolve) => {
          open = () => resolve(true);
        }),
    };
    const feeds: FakeFeed<RunEvent>[] = [];
    world.onWatch = (feed) => {
      feeds.push(feed);
      feed.push({ type: 'TokenDelta', text: 'a', sequence: 0 });
    };
    const prepared = operations.prepare({ query: SELECTIONS[0] ?? '', variables: { id: run.id } }, context());
    if ('errors' in prepared) throw prepared.errors[0];
    const stream = await operations.subscribe(prepared.args, sink);
    if (!('next' in stream)) throw new Error('no stream');
    const ended = stream.next();
    await expect.poll(() => open).toBeDefined();
    expect(feeds[0]?.nextCount).toBe(1);
    sink.full = false;
    open?.();
    await expect.poll(() => feeds[0]?.nextCount).toBe(2);
    await stream.return?.();
    await expect(ended).resolves.toMatchObject({ done: true });
    expect(feeds[0]?.closed).toBe(true);
    expect(sink.texts).toHaveLength(1);
  });

  it('gives the errors of opening as graphql-js does', async () => {
    for (const id of [fakeId('run'), 'nonsense', cited.id]) {
      const args = { ...argsFor(SELECTIONS[0] ?? '', {}), variableValues: { id } };
      const result = await operations.subscribe(args, new CollectingSink());
      const expected: ExecutionResult | AsyncIterable<unknown> = await subscribe(args);
      expect('errors' in result && result.errors).toEqual('errors' in expected && expected.errors);
      expect('errors' in result && operations.publicErrors(result.errors ?? [], undefined)).toMatchObject([
        { extensions: { code: 'NOT_FOUND' }, path: ['runEvents'] },
      ]);
    }
  });
});
