import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buildSchema, type GraphQLSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMBEDDING_DIMENSIONS, ScriptedEmbeddings } from '../support/scripted-embeddings.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { nestedPlaces, type OwnIds, type Probe, probesOf } from './scope-walk.ts';

const PASSWORD = 'a long enough password';
/** Answered with a typed failure instead of an error: here a client is expected to branch. */
const TYPED_FAILURES: Readonly<Record<string, string>> = { 'removeMember.input.userId': 'UnknownUser' };
/** These end what they name, so the owner's own control of them comes last. */
const DESTRUCTIVE = /^(delete|remove|retire|revoke|stop|switch|logout)/;

interface Result {
  readonly data?: Record<string, { readonly __typename?: string } | null> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** One caller with the raw API: what an attacker has. */
class Caller {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  async send(document: string, variables: Record<string, unknown> = {}): Promise<Result> {
    if (document.startsWith('subscription')) return this.#subscribe(document, variables);
    const response = await fetch(`${this.#url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ query: document, variables }),
    });
    return (await response.json()) as Result;
  }

  /** The first result, or the errors it was refused with. */
  async #subscribe(query: string, variables: Record<string, unknown>): Promise<Result> {
    const client = createClient({
      url: `${this.#url.replace('http', 'ws')}/graphql`,
      connectionParams: { authorization: `Bearer ${this.#token}` },
      retryAttempts: 0,
    });
    try {
      for await (const result of client.iterate({ query, variables })) return result as Result;
      return { data: {} };
    } catch (errors) {
      return { errors: errors as NonNullable<Result['errors']> };
    } finally {
      await client.dispose();
    }
  }

  async must<T>(document: string, variables: Record<string, unknown> = {}): Promise<T> {
    const { data, errors } = await this.send(document, variables);
    if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
    return data as T;
  }
}

/** One of everything that can be named. */
interface Belongings {
  readonly own: OwnIds;
  /** Of the workspace: seen by its members. */
  readonly shared: readonly string[];
  /** Of the user: seen by nobody else. */
  readonly personal: readonly string[];
  readonly sharedCursors: readonly string[];
  readonly personalCursors: readonly string[];
}

let system: TestSystem;
let embeddings: ScriptedEmbeddings;
let schema: GraphQLSchema;

beforeAll(async () => {
  const generous = [
    'LOGIN_PER_ACCOUNT',
    'SIGN_UP_PER_ADDRESS',
    'MESSAGES',
    'INGESTIONS',
    'UPLOADS',
    'SEARCHES',
  ];
  embeddings = await ScriptedEmbeddings.start(0);
  system = await startTestSystem({
    ...Object.fromEntries(generous.map((name) => [`${name}_PER_MINUTE`, '100000'])),
    EMBEDDING_BASE_URL: embeddings.url,
    EMBEDDERS_OFFERED: `openai:scripted@${EMBEDDING_DIMENSIONS}`,
  });
  schema = buildSchema(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8'));
});
afterAll(async () => {
  await system.close();
  await embeddings.close();
});

async function signUp(email: string): Promise<Caller> {
  const document = `mutation ($e: String!, $p: String!) { signUp(input: { email: $e, password: $p }) { ... on LoginSuccess { accessToken } } }`;
  const { signUp: outcome } = await new Caller(system.url, '').must<{ signUp: { accessToken: string } }>(
    document,
    {
      e: email,
      p: PASSWORD,
    },
  );
  return new Caller(system.url, outcome.accessToken);
}

async function furnish(caller: Caller): Promise<Belongings> {
  const made = await caller.must<{
    ingest: { document: { id: string } };
    sendMessage: { conversation: { id: string }; run: { id: string }; userMessage: { id: string } };
    createCollection: { collection: { id: string } };
    createUpload: { uploadId: string };
    createApiKey: { apiKey: { id: string } };
  }>(`mutation {
    ingest(input: { source: { text: { content: "The harbour opens at nine." } } }) { ... on IngestSuccess { document { id } } }
    sendMessage(input: { text: "When does the harbour open?" }) { ... on SendMessageSuccess { conversation { id } run { id } userMessage { id } } }
    createCollection(input: { name: "${randomUUID()}" }) { ... on CreateCollectionSuccess { collection { id } } }
    createUpload(input: { fileName: "a.txt", mediaType: "text/plain", size: 3 }) { ... on CreateUploadSuccess { uploadId } }
    createApiKey(input: { name: "k", role: VIEWER, scopes: [READ] }) { apiKey { id } }
  }`);
  const { conversation, run, userMessage } = made.sendMessage;
  const documentId = made.ingest.document.id;
  const {
    me,
    workspace,
    documents,
    conversations,
    conversation: opened,
  } = await caller.must<{
    me: { id: string };
    workspace: { id: string };
    documents: { pageInfo: { endCursor: string } };
    conversations: { pageInfo: { endCursor: string } };
    conversation: { messages: { pageInfo: { endCursor: string } } };
  }>(
    `query ($c: ID!) {
    me { id } workspace { id }
    documents { pageInfo { endCursor } } conversations { pageInfo { endCursor } }
    conversation(id: $c) { messages { pageInfo { endCursor } } }
  }`,
    { c: conversation.id },
  );
  const { createEmbeddingDeployment } = await caller.must<{
    createEmbeddingDeployment: { deployment: { id: string } };
  }>(
    `mutation ($c: ID!) { createEmbeddingDeployment(input: { collectionId: $c, embedder: "openai:scripted@${EMBEDDING_DIMENSIONS}" }) {
      ... on EmbeddingDeploymentSuccess { deployment { id } } } }`,
    { c: made.createCollection.collection.id },
  );
  const event = await caller.must<{ runEvents: { cursor: string } }>(
    'subscription ($r: ID!) { runEvents(runId: $r) { cursor } }',
    { r: run.id },
  );
  const step = await caller.must<{ documentEvents: { cursor: string } }>(
    'subscription ($d: ID!) { documentEvents(documentId: $d) { cursor } }',
    { d: documentId },
  );
  return {
    own: { id: conversation.id, runId: run.id, documentId },
    shared: [
      documentId,
      made.createCollection.collection.id,
      createEmbeddingDeployment.deployment.id,
      made.createUpload.uploadId,
      made.createApiKey.apiKey.id,
      workspace.id,
      me.id,
    ],
    personal: [conversation.id, run.id, userMessage.id],
    sharedCursors: [documents.pageInfo.endCursor, step.documentEvents.cursor],
    personalCursors: [
      conversations.pageInfo.endCursor,
      opened.messages.pageInfo.endCursor,
      event.runEvents.cursor,
    ],
  };
}

/** Sends every probe with every value; returns what was answered otherwise than "not found". */
async function attack(
  caller: Caller,
  probes: readonly Probe[],
  ids: readonly string[],
  cursors: readonly string[],
): Promise<string[]> {
  const leaks: string[] = [];
  for (const probe of probes) {
    for (const value of probe.kind === 'ID' ? ids : cursors) {
      const result = await caller.send(probe.document, { value });
      if (!isNotFound(probe, result))
        leaks.push(`${probe.field}.${probe.path} with ${value}: ${JSON.stringify(result)}`);
    }
  }
  return leaks;
}

function isNotFound({ field, path }: Probe, { data, errors }: Result): boolean {
  const typed = TYPED_FAILURES[`${field}.${path}`];
  if (typed !== undefined && data?.[field]?.__typename === typed) return true;
  return (
    errors?.length === 1 && errors[0]?.extensions?.code === 'NOT_FOUND' && (data?.[field] ?? null) === null
  );
}

describe('what a workspace holds', () => {
  it('is not found from another workspace, by any name, anywhere in the schema', async () => {
    const alice = await furnish(await signUp('alice@example.com'));
    const mallory = await signUp('mallory@example.com');
    const probes = probesOf(schema, (await furnish(mallory)).own);
    expect(probes.length).toBeGreaterThan(20);
    const leaks = await attack(
      mallory,
      probes,
      [...alice.shared, ...alice.personal],
      [...alice.sharedCursors, ...alice.personalCursors],
    );
    expect(leaks).toEqual([]);
  });

  it('is found by its owner through the same probes, so that the walk can fail', async () => {
    const owner = await signUp('owner@example.com');
    const belongings = await furnish(owner);
    const probes = probesOf(schema, belongings.own).toSorted(
      (a, b) => Number(DESTRUCTIVE.test(a.field)) - Number(DESTRUCTIVE.test(b.field)),
    );
    const deaf: string[] = [];
    for (const probe of probes) {
      const values =
        probe.kind === 'ID'
          ? [...belongings.shared, ...belongings.personal]
          : [...belongings.sharedCursors, ...belongings.personalCursors];
      let found = false;
      for (const value of values)
        found = !isNotFound(probe, await owner.send(probe.document, { value })) || found;
      if (!found) deaf.push(`${probe.field}.${probe.path}`);
    }
    expect(deaf).toEqual([]);
  });

  it('hides conversations and runs from the other members too', async () => {
    const carol = await signUp('carol@example.com');
    const bob = await signUp('bob@example.com');
    const workspace = await carol.must<{ workspace: { id: string } }>('{ workspace { id } }');
    await carol.must(
      'mutation { putMember(input: { email: "bob@example.com", role: ADMIN }) { __typename } }',
    );
    const switched = await bob.must<{ switchWorkspace: { session: { accessToken: string } } }>(
      'mutation ($w: ID!) { switchWorkspace(input: { workspaceId: $w }) { session { accessToken } } }',
      { w: workspace.workspace.id },
    );
    const member = new Caller(system.url, switched.switchWorkspace.session.accessToken);
    const belongings = await furnish(carol);
    const probes = probesOf(schema, (await furnish(member)).own);
    expect(await attack(member, probes, belongings.personal, belongings.personalCursors)).toEqual([]);
    const seen = await member.send('query ($id: ID!) { document(id: $id) { id } }', {
      id: belongings.own['documentId'],
    });
    expect(seen.errors).toBeUndefined();
  });

  it('is asked for below the root in one known place only', async () => {
    expect(nestedPlaces(schema)).toEqual(['Conversation.messages.after']);
    const dave = await furnish(await signUp('dave@example.com'));
    const eve = await signUp('eve@example.com');
    const { own } = await furnish(eve);
    for (const after of [...dave.sharedCursors, ...dave.personalCursors]) {
      const result = await eve.send(
        'query ($id: ID!, $after: Cursor) { conversation(id: $id) { messages(after: $after) { edges { cursor } } } }',
        { id: own['id'], after },
      );
      expect(result.errors?.[0]?.extensions?.code).toBe('NOT_FOUND');
    }
  });
});
