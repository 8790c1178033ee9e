import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MultiDbClient } from '../../src/client/index.ts';
import { DEMO } from './system.ts';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const NODE = at('node_modules/node/bin/node');
const MAIN = at('dist/cli/main.js');
const START_TIMEOUT_MS = 120_000;
/** The watchdog looks every half second and grants a grace of two; PostgreSQL then writes a checkpoint. */
const QUIET_TIMEOUT_MS = 45_000;
const LOOK_MS = 25;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Started and not yet ended: what a failed test leaves behind must not keep its folder busy. */
const running = new Set<CliProcess>();
process.once('exit', () => {
  for (const { child } of running) child.kill('SIGKILL');
});

/** The built command line as a child of its own, with an environment of nothing but what is given. */
export class CliProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly folder: string | undefined;
  stdout = '';
  stderr = '';
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = tmpdir()) {
    if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run build` before these tests.');
    this.folder = env['DATA_DIR'];
    const flags = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
    this.child = spawn(NODE, [...flags, MAIN, ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear('stderr', text));
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        running.delete(this);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        for (const listener of this.#listeners) listener();
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first match in what it has printed or will print. Throws, with all it said, if it ends or stays silent. */
  async printed(pattern: RegExp, timeoutMs = START_TIMEOUT_MS): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match) return match;
      const leftMs = deadline - performance.now();
      if (!this.running || leftMs <= 0) {
        throw new Error(`${pattern} was never printed:\n${this.stdout}\n${this.stderr}`);
      }
      await this.#news(leftMs);
    }
  }

  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Exit> {
    this.child.kill(signal);
    return this.exited;
  }

  #hear(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    for (const listener of this.#listeners) listener();
  }

  async #news(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#listeners.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#listeners.delete(resolve);
  }
}

/** Runs a command of the command line to its end. */
export function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Exit> {
  return new CliProcess(args, { LOG_LEVEL: 'silent', ...env }).exited;
}

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  readonly process: CliProcess;
  /** A new client, signed in as the demo user. */
  client(): Promise<MultiDbClient>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** SIGTERM, as a supervisor would. */
  stop(): Promise<Exit>;
}

export interface ServerOptions {
  readonly folder: string;
  readonly command?: 'all' | 'serve' | 'work';
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a role on the data folder and waits for its `ready` line. */
export async function startServer({
  folder,
  command = 'all',
  env = {},
}: ServerOptions): Promise<ServerProcess> {
  const process = new CliProcess([command], {
    PORT: '0',
    DATA_DIR: folder,
    LOG_LEVEL: 'warn',
    LOGIN_PER_ADDRESS_PER_MINUTE: '1000',
    LOGIN_PER_ACCOUNT_PER_MINUTE: '1000',
    ...env,
  });
  const [, playground = ''] = await process.printed(/^ready(?: (\S+))?/m).catch((error: unknown) => {
    process.child.kill('SIGKILL');
    throw error;
  });
  const url = playground.replace(/\/playground$/, '');
  return {
    url,
    pid: process.pid,
    process,
    kill: (signal) => process.kill(signal),
    stop: () => process.kill('SIGTERM'),
    async client() {
      const client = new MultiDbClient({ url });
      await client.login(DEMO.email, DEMO.password);
      return client;
    },
  };
}

/** A temporary data folder; whatever still runs on it is waited for before it is removed. */
export class DataFolderFixture {
  readonly parent: string;
  readonly path: string;

  private constructor(parent: string) {
    this.parent = parent;
    this.path = join(parent, 'data');
  }

  static async make(parent?: string): Promise<DataFolderFixture> {
    return new DataFolderFixture(parent ?? (await mkdtemp(join(tmpdir(), 'multidb-process-'))));
  }

  /** Waits until PostgreSQL and its watchdog are gone too. Throws with what is left when they stay. */
  async quiet(): Promise<void> {
    const deadline = performance.now() + QUIET_TIMEOUT_MS;
    for (;;) {
      const left = processesOf(this.path);
      if (left.length === 0) return;
      if (performance.now() > deadline) throw new Error(`still running on ${this.path}:\n${left.join('\n')}`);
      await sleep(LOOK_MS);
    }
  }

  async remove(): Promise<void> {
    const own = [...running].filter(({ folder }) => folder?.startsWith(this.parent));
    await Promise.all(own.map((child) => child.kill('SIGKILL')));
    await this.quiet();
    await rm(this.parent, { recursive: true, force: true });
  }
}

/** Command lines of living processes that work in the folder or name it. Linux; elsewhere nothing is seen. */
export function processesOf(folder: string): string[] {
  const lines: string[] = [];
  for (const pid of existsSync('/proc/self') ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      if (command.includes(folder) || cwd.startsWith(folder)) lines.push(`${pid} ${command}`);
    } catch {
      // It ended while we looked.
    }
  }
  return lines;
}
