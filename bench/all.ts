/** Every figure in turn, each in a process of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const FIGURES = [
  'tokens',
  'first-token',
  'http',
  'message',
  'paced',
  'idle-sockets',
  'price',
  'reconnect',
  'start',
  'embedding',
  'ingest',
  'pdf',
];

for (const figure of FIGURES) {
  const file = fileURLToPath(new URL(`./${figure}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
