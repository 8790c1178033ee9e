import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { startSystem } from '../../app/system.ts';
import { MultiDbClient } from '../../client/index.ts';
import { DEMO_USER } from '../../planes/control/seed.ts';
import { listMarkdown } from '../files.ts';
import { ingestFiles } from '../ingest-files.ts';
import { fileDocument, localDocuments } from '../local-documents.ts';
import { showAnswer } from '../show-answer.ts';
import { onStopSignal } from '../stop-signal.ts';
import { ownEnvironment, withTemporaryFolder } from '../temporary-product.ts';
import { Terminal } from '../ui/terminal.ts';

const QUESTION = 'What databases are best for AI applications?';
// The same place seen from src/cli/commands and from dist/cli/commands.
const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

interface DemoOptions {
  readonly ask: string;
  readonly exit?: boolean;
}

/** The whole product in one go, on a data folder that is gone afterwards. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'start a server on a temporary folder, ingest these docs and the given files, ask a question',
    )
    .argument(
      '[files...]',
      'files or folders to ingest as well: md, txt, html, pdf, docx, csv, json, epub, zip',
    )
    .option('--ask <question>', 'the question to ask', QUESTION)
    .option('--exit', 'end after the answer instead of serving on')
    .action(runDemo);
}

async function runDemo(files: string[], options: DemoOptions): Promise<void> {
  const terminal = new Terminal(process.stdout, process.env);
  const stopped = onStopSignal();
  await withTemporaryFolder('demo', (folder) => runIn(folder, { files, options, terminal, stopped }));
}

interface DemoRun {
  readonly files: readonly string[];
  readonly options: DemoOptions;
  readonly terminal: Terminal;
  readonly stopped: ReturnType<typeof onStopSignal>;
}

async function runIn(folder: string, { files, options, terminal, stopped }: DemoRun): Promise<void> {
  const config = readConfig(ownEnvironment(folder));
  const log = createLogger({ level: config.LOG_LEVEL, production: false });
  const system = await startSystem({ config, log, role: 'all', signal: stopped.signal });
  try {
    const url = system.url ?? '';
    const work = answerOnce({ url, files, question: options.ask, terminal });
    if ((await Promise.race([work.then(() => 'done'), stopped.promise])) !== 'done') return;
    terminal.line(`\nPlayground: ${terminal.style.bold(`${url}/playground`)}`);
    if (options.exit) return;
    terminal.line(terminal.style.dim('Serving until Ctrl-C. The data folder is temporary.'));
    await stopped.promise;
  } finally {
    await system.close();
  }
}

interface Question {
  readonly url: string;
  readonly files: readonly string[];
  readonly question: string;
  readonly terminal: Terminal;
}

async function answerOnce({ url, files, question, terminal }: Question): Promise<void> {
  const client = new MultiDbClient({ url });
  try {
    await client.login(DEMO_USER.email, DEMO_USER.password);
    terminal.line(`Logged in as ${DEMO_USER.email}`);
    const docs = [join(PACKAGE_ROOT, 'README.md'), ...(await listMarkdown(join(PACKAGE_ROOT, 'docs')))];
    const { documents } = await localDocuments(files);
    await ingestFiles(client, terminal, [...docs.map(fileDocument), ...documents]);
    terminal.line(`\n${terminal.style.bold(question)}\n`);
    await showAnswer(client, terminal, question);
  } finally {
    client.close();
  }
}
