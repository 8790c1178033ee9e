/**
 * What every benchmark shares: processes on cores of their own, CPU time read from the kernel, interleaved rounds and
 * one table. A figure is a ratio of medians within one run; absolute times are printed beside it and prove nothing.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The server under measurement has the first core, model and load the second one. */
export const SERVER_CORE = 0;
const LOAD_CORE = 1;

/** Moves this process, all of its threads, to the load's core. */
export function pinToLoadCore(): void {
  if (cpus().length < 2 || process.platform !== 'linux') return;
  execFileSync('taskset', ['-a', '-c', '-p', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' });
}

export interface MeasuredProcess {
  readonly pid: number;
  /** The first line of standard output that begins with `ready`, without that word. */
  readonly ready: string;
  /** User and system time of all threads since start, in milliseconds; 10 ms steps. */
  cpuMs(): number;
  /** Resident set in MiB. */
  rssMb(): number;
  stop(): Promise<void>;
}

export interface SpawnOptions {
  readonly args: readonly string[];
  /** Core to pin to; ignored where there is no `taskset`. */
  readonly core?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `node <args>` and waits for its `ready …` line. */
export async function spawnMeasured(options: SpawnOptions): Promise<MeasuredProcess> {
  const pinned = options.core !== undefined && cpus().length > 1 && process.platform === 'linux';
  const command = pinned ? 'taskset' : process.execPath;
  const args = pinned ? ['-c', String(options.core), process.execPath, ...options.args] : options.args;
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // A measurement that fails must not leave a server behind, which would disturb the next one.
  const abandon = () => child.kill('SIGTERM');
  process.once('exit', abandon);
  child.once('exit', () => process.off('exit', abandon));
  const ready = await readyLine(child);
  const pid = child.pid ?? 0;
  return {
    pid,
    ready,
    cpuMs: () => cpuMsOf(pid),
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    stop: () => stop(child),
  };
}

function readyLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`process ended with ${code} before it was ready`)));
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ready')) resolve(line.slice(5).trim());
    });
  });
}

/** utime + stime of proc_pid_stat(5): the fields after the command name, which may itself hold spaces. */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Runs the contestants in turn, round after round, so that noise of the machine meets all of them alike. */
export async function interleave<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
  { quiet = false }: { readonly quiet?: boolean } = {},
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const result = await contestants[name]();
      results[name].push(result);
      if (!quiet) console.error(`round ${round + 1} of ${rounds}, ${name}: ${result.toPrecision(4)}`);
    }
  }
  return results;
}

/** A markdown table, ready for docs/benchmarks.md. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const cell = (value: string | number) => (typeof value === 'number' ? value.toPrecision(4) : value);
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cell).join(' | ')} |`;
  console.log(
    `\n### ${title}\n\n${line(head)}\n|${head.map(() => '---').join('|')}|\n${rows.map(line).join('\n')}`,
  );
}
