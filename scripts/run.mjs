#!/usr/bin/env node
// Runs on whatever Node starts it (20 is enough): installs what is missing, builds what is stale, then hands over to
// the Node 24 of the dev dependency.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);
const node24 = at('node_modules/node/bin/node');
const say = (text) => process.stderr.write(`${text}\n`);

const fail = (text) => {
  say(`multidb: ${text}`);
  process.exit(1);
};

const runQuietly = (command, args, errors) =>
  spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', errors, errors],
    shell: process.platform === 'win32',
  });

function runOrExit(command, args, what) {
  const result = runQuietly(command, args, 2);
  if (result.status !== 0) fail(`${what} failed (${result.error?.message ?? `exit code ${result.status}`})`);
}

/** True when it worked. */
function npm(args, errors = 2) {
  const all = [...args, '--no-audit', '--no-fund', '--loglevel=error'];
  const script = process.env.npm_execpath;
  const command = script?.endsWith('.js') ? [process.execPath, [script, ...all]] : ['npm', all];
  // Its libraries for CPUs are in the package; what it would download are those for GPUs, several hundred megabytes.
  process.env.ONNXRUNTIME_NODE_INSTALL ??= 'skip';
  return runQuietly(...command, errors).status === 0;
}

const hashOf = (...files) => {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(at(file)));
  return hash.digest('hex');
};

function install() {
  const marker = at('node_modules/.multidb-installed');
  const wanted = hashOf('package-lock.json');
  if (existsSync(marker) && existsSync(node24) && readFileSync(marker, 'utf8') === wanted) return;
  say('multidb: installing packages (once)');
  // `ci` refuses a lock file without the packages of every platform, which is what a registry that mirrors only some
  // of them makes of it; `install` keeps to the locked versions and takes what there is.
  if (!npm(['ci'], 'ignore')) {
    say('multidb: npm ci refused, trying npm install');
    if (!npm(['install', '--no-save'])) fail('npm install failed');
  }
  writeFileSync(marker, wanted);
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) latest = Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return latest;
}

function build() {
  const stamp = at('dist/.built');
  const inputs = Math.max(
    newest(at('src')),
    statSync(at('tsconfig.build.json')).mtimeMs,
    statSync(at('package-lock.json')).mtimeMs,
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs > inputs) return;
  say('multidb: building');
  for (const project of ['tsconfig.build.json', 'tsconfig.client.json']) {
    runOrExit(node24, [at('node_modules/typescript/bin/tsc'), '-p', at(project)], 'build');
  }
  writeFileSync(stamp, '');
}

function generate() {
  runOrExit(node24, [at('scripts/prisma-generate.mjs')], 'prisma generate');
}

/** The child shares our terminal, so Ctrl-C reaches it by itself; a signal sent to us alone is passed on. */
function handOver(args) {
  const env = {
    // A third of a start is compiling libraries that did not change since the last one.
    NODE_COMPILE_CACHE: at('node_modules/.cache/multidb-compile'),
    ...process.env,
    PATH: `${at('node_modules/.bin')}:${process.env.PATH}`,
  };
  const child = spawn(node24, args, { cwd: process.cwd(), stdio: 'inherit', env });
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    process.exitCode = code ?? 1;
  });
}

/** Compiles on every save; the server starts anew when what it loaded has changed. */
function develop(args) {
  const tsc = at('node_modules/typescript/bin/tsc');
  const project = at('tsconfig.build.json');
  const compiler = spawn(node24, [tsc, '-p', project, '--watch', '--preserveWatchOutput'], {
    stdio: 'inherit',
  });
  process.on('exit', () => compiler.kill());
  handOver(['--watch', '--watch-preserve-output', ...NODE_FLAGS, MAIN, 'all', ...args]);
}

const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const MAIN = at('dist/cli/main.js');
const MODES = {
  cli: (args) => handOver([...NODE_FLAGS, MAIN, ...args]),
  dev: develop,
  bin: ([tool, ...args]) => handOver([at('node_modules/.bin', tool), ...args]),
  bench: ([name, ...args]) => handOver([...NODE_FLAGS, at('bench', `${name ?? 'all'}.ts`), ...args]),
  node: ([script, ...args]) => handOver([...NODE_FLAGS, at(script), ...args]),
  prepare: () => undefined,
};

const [mode, ...args] = process.argv.slice(2);
if (!Object.hasOwn(MODES, mode ?? '')) {
  say('usage: run.mjs cli <command> | dev | bin <tool> | bench <name> | node <script> | prepare');
  process.exit(2);
}
install();
generate();
// Tools read the source; all else, and the tests that start a server, run what was built from it.
if (mode !== 'bin' || args[0] === 'vitest') build();
MODES[mode](args);
