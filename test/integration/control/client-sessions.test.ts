import { afterEach, describe, expect, test } from 'vitest';
import { MultiDbClient, type RunEvent } from '../../../src/client/index.ts';
import type { RunEventBody } from '../../../src/domain/run.ts';
import type { ControlPlaneOptions } from '../../../src/planes/control/control-plane.ts';
import { type EdgeServer, startEdge } from '../../support/edge-server.ts';
import { FakeWorld, fakeMessage } from '../../support/fake-services.ts';
import { newWorld, PASSWORD } from '../../unit/control/control-world.ts';

/** The SDK against the real edge and the real control plane; only documents and runs are scripted. */
async function setUp(options: Partial<ControlPlaneOptions> = {}) {
  const realTime = {
    get now() {
      return Date.now();
    },
  };
  const control = newWorld(options, undefined, realTime);
  const fake = new FakeWorld();
  const { identity, workspaces } = control;
  const edge = await startEdge({}, fake, { ...fake.services, identity, workspaces });
  const newClient = () => new MultiDbClient({ url: edge.url, retry: { firstDelayMs: 5, delayMaxMs: 50 } });
  open.push(edge);
  return { control, fake, edge, client: newClient(), newClient };
}
const open: EdgeServer[] = [];
afterEach(async () => {
  for (const edge of open.splice(0)) await edge.close();
});

const EMAIL = 'ada@example.com';
const TEXTS = ['Postgre', 'SQL ', '🦀', '.'];
const EVENTS: readonly RunEventBody[] = [
  { type: 'RunStart' },
  ...TEXTS.map((text): RunEventBody => ({ type: 'TokenDelta', text })),
  { type: 'RunEnd', finishReason: 'COMPLETED' },
];

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const collected: RunEvent[] = [];
  for await (const event of events) collected.push(event);
  return collected;
}
const textOf = (events: readonly RunEvent[]) =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');

test('signing up, in, and out', async () => {
  const { client, newClient } = await setUp();
  const { user, workspace } = await client.signUp(EMAIL, PASSWORD, 'Library');
  expect(workspace.name).toBe('Library');
  expect(await client.me()).toMatchObject({ ...user, memberships: [{ role: 'OWNER', workspace }] });
  expect(await client.usage()).toMatchObject({ id: workspace.id, usage: { messages: 0 } });
  const other = newClient();
  await expect(other.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(other.login(EMAIL, 'wrong password')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await expect(other.signUp(EMAIL, PASSWORD)).rejects.toMatchObject({ code: 'EMAIL_TAKEN' });
  await expect(other.signUp('eve@example.com', 'short')).rejects.toMatchObject({ code: 'WEAK_PASSWORD' });
  expect((await other.login(EMAIL, PASSWORD)).user).toEqual(user);
  await client.logout();
  await expect(client.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await other.me()).id).toBe(user.id);
});

test('too many attempts in one request are limited like as many requests', async () => {
  const { edge } = await setUp();
  const login = `login(input: { email: "${EMAIL}", password: "guess number" }) { __typename }`;
  const seen: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    const { body } = await edge.ask(`mutation { a: ${login} b: ${login} }`, {}, {});
    for (const outcome of Object.values(body.data ?? {})) {
      seen.push((outcome as { __typename: string }).__typename);
    }
  }
  expect(seen.filter((typename) => typename === 'InvalidCredentials')).toHaveLength(10);
  expect(seen.filter((typename) => typename === 'TooManyAttempts')).toHaveLength(2);
});

describe('a stream', () => {
  test('goes on over the end of its access token, several times', async () => {
    const { client, control, fake } = await setUp({ accessTokenMs: 2_500 });
    const { user } = await client.signUp(EMAIL, PASSWORD);
    const answer = fakeMessage({ role: 'ASSISTANT', text: TEXTS.join('') });
    const run = fake.addRun({}, answer);
    const afters: number[] = [];
    fake.onWatch = (feed, _runId, after) => {
      afters.push(after);
      // Two events a socket; what follows comes only over the next one, for which the token must be renewed.
      const last = Math.min(EVENTS.length, after + 3);
      const events = EVENTS.map((event, sequence) => ({ ...event, sequence }));
      feed.push(...events.slice(after + 1, last));
      if (last === EVENTS.length) feed.end();
    };
    const events = await collect(client.watch(run.id));
    expect(events.map(({ sequence }) => sequence)).toEqual(EVENTS.map((_, sequence) => sequence));
    expect(textOf(events)).toBe(answer.text);
    expect(afters).toEqual([-1, 1, 3]);
    expect([...control.deps.database.sessions.values()]).toMatchObject([{ userId: user.id, revoked: false }]);
    client.close();
  });

  test('ends when the session is ended elsewhere', async () => {
    const { client, control, fake } = await setUp({ accessTokenMs: 2_500 });
    await client.signUp(EMAIL, PASSWORD);
    const run = fake.addRun();
    fake.onWatch = (feed) => void feed.push({ type: 'RunStart', sequence: 0 });
    const events = client.watch(run.id);
    expect((await events.next()).value).toMatchObject({ __typename: 'RunStart' });
    for (const { id } of control.deps.database.sessions.values()) {
      await control.deps.sessions.revoke({ system: true }, id);
    }
    await expect(events.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('is not opened for nobody', async () => {
    const { client, fake } = await setUp();
    const run = fake.addRun();
    await expect(collect(client.watch(run.id))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

test('an API key works in the SDK until it is revoked', async () => {
  const { client, control, newClient } = await setUp();
  await client.signUp(EMAIL, PASSWORD);
  const login = await control.identity.login({ email: EMAIL, password: PASSWORD }, { address: '::1' });
  if (login.kind !== 'signed-in') throw new Error(login.kind);
  const owner = await control.principal(login);
  const { secret, apiKey } = await control.identity.createApiKey(owner, {
    name: 'ci',
    role: 'VIEWER',
    scopes: ['READ'],
  });
  const program = newClient();
  program.useApiKey(secret);
  expect(await program.me()).toMatchObject({ email: EMAIL, memberships: [{ role: 'VIEWER' }] });
  await control.identity.revokeApiKey(owner, apiKey.id);
  await expect(program.me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('switching the workspace switches what requests act in', async () => {
  const { client, control } = await setUp();
  const first = await client.signUp(EMAIL, PASSWORD);
  const login = await control.identity.login({ email: EMAIL, password: PASSWORD }, { address: '::1' });
  if (login.kind !== 'signed-in') throw new Error(login.kind);
  const second = await control.workspaces.create(await control.principal(login), { name: 'Second' });
  expect((await client.switchWorkspace(second.id)).workspace.id).toBe(second.id);
  expect((await client.usage()).id).toBe(second.id);
  await expect(client.switchWorkspace('wsp_00000000000000000000000000')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect((await client.switchWorkspace(first.workspace.id)).workspace.id).toBe(first.workspace.id);
});
