/**
 * CPU of one HTTP request: `me`, and a list of 100 documents, as the contract's operations ask for them. Ours are
 * signed in, limited, measured and read from PostgreSQL (whose own processes are printed apart); the baseline is bare
 * Apollo on Fastify with the same shapes in memory and no sign-in. `edge alone` is the same request of ours for a field
 * that no store is asked for, against the same of theirs: what the edge itself costs.
 */
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { DocumentsDocument, MeDocument } from '../src/client/generated/operations.ts';
import {
  interleave,
  type MeasuredProcess,
  median,
  pinToLoadCore,
  printTable,
  SERVER_CORE,
  spawnMeasured,
} from './harness.ts';
import { signIn, startProduct, withFolder } from './product.ts';
import { postJson } from './run-load.ts';

const BASELINE = fileURLToPath(new URL('./baseline-apollo.ts', import.meta.url));
const DOCUMENT_COUNT = 100;
const CONNECTIONS = 16;
const WARM_UP_ROUNDS = 4;
const ROUNDS = 9;

interface Operation {
  readonly name: string;
  readonly body: string;
  readonly requestsPerRound: number;
}
const OPERATIONS: readonly Operation[] = [
  { name: 'edge alone (`__typename`)', body: bodyOf('query Edge { __typename }'), requestsPerRound: 1_500 },
  { name: '`me` with memberships', body: bodyOf(String(MeDocument)), requestsPerRound: 1_000 },
  {
    name: '100 documents',
    body: bodyOf(String(DocumentsDocument), { first: DOCUMENT_COUNT }),
    requestsPerRound: 400,
  },
];

function bodyOf(query: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ query, variables, operationName: /(?:query|mutation) (\w+)/.exec(query)?.[1] });
}

interface Target {
  readonly process: MeasuredProcess;
  readonly url: string;
  readonly token?: string;
}

/** CPU milliseconds of the server per request. */
async function measure(target: Target, { body, requestsPerRound }: Operation): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const url = new URL(`${target.url}/graphql`);
  let left = requestsPerRound;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await postJson(url, target.token, agent, body);
      if (answer.includes('"errors"')) throw new Error(answer);
    }
  };
  const before = target.process.cpuMs();
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const used = target.process.cpuMs() - before;
  agent.destroy();
  return used / requestsPerRound;
}

pinToLoadCore();
await withFolder(async (folder) => {
  const product = await startProduct({ folder, core: SERVER_CORE });
  const bare = await spawnMeasured({
    args: ['--disable-warning=ExperimentalWarning', BASELINE],
    core: SERVER_CORE,
    env: { DOCUMENT_COUNT: String(DOCUMENT_COUNT), NODE_ENV: 'production' },
  });
  const { client, token } = await signIn(product.url);
  for (let index = 0; index < DOCUMENT_COUNT; index += 1) {
    await client.ingest({ text: `Document ${index}\n\nText ${index}.`, title: `Document ${index}` }).ready();
  }
  const ours = { process: product.process, url: product.url, token };
  const theirs = { process: bare, url: bare.ready };
  const rows: (string | number)[][] = [];
  for (const operation of OPERATIONS) {
    const contestants = { ours: () => measure(ours, operation), bare: () => measure(theirs, operation) };
    await interleave(WARM_UP_ROUNDS, contestants, { quiet: true });
    const databaseBefore = product.postgres.cpuMs();
    const cpu = await interleave(ROUNDS, contestants);
    const database = (product.postgres.cpuMs() - databaseBefore) / (ROUNDS * operation.requestsPerRound);
    const [us, them] = [median(cpu.ours), median(cpu.bare)];
    rows.push([operation.name, us, them, us / them, database]);
  }
  await Promise.all([product.stop(), bare.stop()]);
  printTable(
    'One HTTP request, signed in (target: ratio ≤ 1.25)',
    ['operation', 'ours, CPU ms', 'bare Apollo, CPU ms', 'ratio', 'PostgreSQL, CPU ms'],
    rows,
  );
});
