#!/usr/bin/env node
// Real database servers for tests and benchmarks on a Debian machine, without Docker.
//   npm run -s servers -- start [postgres mongodb cassandra redis …]   installs what is missing, starts, prints KEY=url lines
//   npm run -s servers -- stop  [name …]
//   npm run -s servers -- status
// Everything lives in a cache folder outside the repository ($MULTIDB_SERVERS_DIR, else multidb-servers in the user's
// cache folder), on loopback ports of its own. Plain Node 20: it must run before anything is installed.
import { mkdirSync } from 'node:fs';
import * as cassandra from './cassandra.mjs';
import { defaultRoot } from './folders.mjs';
import { installPackages } from './install.mjs';
import { withLock } from './lock.mjs';
import * as mongodb from './mongodb.mjs';
import * as postgres from './postgres.mjs';
import { findDaemon, say, stopDaemon, untilReady } from './process.mjs';
import * as redis from './redis.mjs';

/** In the order in which their lines are printed. */
const SERVERS = { postgres, mongodb, cassandra, redis };

const [command, ...names] = process.argv.slice(2);
const unknown = names.filter((name) => !(name in SERVERS));
if (!['start', 'stop', 'status'].includes(command) || unknown.length > 0) {
  say(`usage: servers start|stop|status [${Object.keys(SERVERS).join('] [')}]`);
  process.exit(2);
}
const root = defaultRoot();
mkdirSync(root, { recursive: true, mode: 0o755 });
const chosen = Object.entries(SERVERS).filter(([name]) => names.length === 0 || names.includes(name));
const folderOf = (name) => `${root}/${name}`;

async function start() {
  installPackages(chosen.flatMap(([, server]) => server.packages));
  const outcomes = await Promise.allSettled(chosen.map(([name, server]) => startOne(name, server)));
  for (const { reason } of outcomes) if (reason) say(reason.message);
  if (outcomes.some(({ status }) => status === 'rejected')) process.exit(1);
  process.stdout.write(outcomes.map(({ value }) => value).join(''));
}

async function startOne(name, server) {
  const folder = folderOf(name);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const begin = Date.now();
  let daemon = findDaemon(folder);
  if (daemon) await untilReady(folder, { ...daemon, isReady: server.isReady });
  else {
    daemon = await server.start(folder);
    say(`${name}: started in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  }
  return `${server.key}=${server.urlOf(daemon.port)}\n`;
}

async function stop() {
  await Promise.all(
    chosen.map(async ([name, { stopSignal }]) => {
      if (await stopDaemon(folderOf(name), stopSignal)) say(`${name}: stopped`);
    }),
  );
}

function status() {
  for (const [name, server] of chosen) {
    const running = findDaemon(folderOf(name));
    const line = running ? `runs, pid ${running.pid}, ${server.urlOf(running.port)}` : 'is stopped';
    process.stdout.write(`${name}: ${line}\n`);
  }
}

if (command === 'status') status();
else await withLock(`${root}/lock`, command === 'start' ? start : stop);
