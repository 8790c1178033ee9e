import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePdf } from '../support/documents.ts';
import { freePort } from '../support/free-port.ts';
import {
  CliProcess,
  DataFolderFixture,
  runCli,
  type ServerProcess,
  startServer,
} from '../support/server-process.ts';

const CONFIG_EXIT_CODE = 78;

describe('the command line', () => {
  let files: string;
  let folder: DataFolderFixture;
  let server: ServerProcess;
  let port: number;
  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'multidb-files-'));
    folder = await DataFolderFixture.make();
    port = await freePort();
    server = await startServer({ folder: folder.path, env: { PORT: String(port) } });
    const client = await server.client();
    await client.ingest({ text: 'The orchard has 31 pear trees.' }, { title: 'Orchard' }).ready();
    client.close();
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
    await rm(files, { recursive: true, force: true });
  });

  it('honours PORT and DATA_DIR, and says where the playground is', async () => {
    expect(server.process.stdout).toContain(`ready http://127.0.0.1:${port}/playground\n`);
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
  });

  it('ask prints the answer with its sources', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await runCli(['ask', 'How many pear trees has the orchard?'], {
      PORT: String(port),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('31 pear trees');
    expect(stdout).toContain('Orchard');
  });

  it.each([
    ['a wrong password', ['--password', 'a wrong password'], /password/],
    ['no server there', ['--url', 'http://127.0.0.1:1'], /127\.0\.0\.1:1|reach/],
  ])('ask says in one line what is wrong: %s', { timeout: 90_000 }, async (_what, args, words) => {
    const { code, stdout, stderr } = await runCli(['ask', 'x', ...args], { PORT: String(port) });
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({
      code: 1,
      stdout: '',
      lines: 1,
    });
    expect(stderr).toMatch(/^multidb: /);
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain('a wrong password');
  });

  it('demo answers from this repository and from a file of one’s own', { timeout: 120_000 }, async () => {
    const pdf = join(files, 'lodge.pdf');
    await writeFile(pdf, makePdf([['Lodge rules'], ['The lodge closes at nine on Sundays.']]));
    const missing = join(files, 'missing.pdf');
    const env = { HOST: '0.0.0.0', DATA_DIR: files };
    const { code, stdout, stderr } = await runCli(
      ['demo', '--exit', '--ask', 'When does the lodge close on Sundays?', pdf, missing],
      env,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('closes at nine');
    expect(stdout).toMatch(/lodge\.pdf|Lodge/);
    expect(stdout).toContain(missing);
    expect(stdout).toMatch(/Playground: http:\/\/127\.0\.0\.1:\d+\/playground/);
  });

  it('lists all that is wrong with the configuration, and ends with 78', async () => {
    const { code, stdout, stderr } = await runCli(['all'], {
      PORT: '70000',
      DATABASE_URL: 'mysql://x',
      ACCESS_TOKEN_MS: 'soon',
      DATA_DIR: files,
    });
    expect({ code, stdout }).toEqual({ code: CONFIG_EXIT_CODE, stdout: '' });
    for (const name of ['PORT', 'DATABASE_URL', 'ACCESS_TOKEN_MS']) expect(stderr).toContain(`${name}: `);
    const half = await runCli(['all'], { OPENAI_API_KEY: 'sk-secret', DATA_DIR: files });
    expect(half).toMatchObject({ code: CONFIG_EXIT_CODE, stderr: expect.stringContaining('MODEL: ') });
    expect(half.stderr).not.toContain('sk-secret');
  });

  it('knows no other commands, and says which there are', async () => {
    const { code, stderr } = await new CliProcess(['sreve']).exited;
    expect(code).toBe(1);
    expect(stderr).toContain('serve');
  });
});
