import { Command, Option } from 'commander';
import { readConfig } from '../../app/config.ts';
import { MultiDbClient } from '../../client/index.ts';
import { DEMO_USER } from '../../planes/control/seed.ts';
import { showAnswer } from '../show-answer.ts';
import { Terminal } from '../ui/terminal.ts';

interface AskCommandOptions {
  readonly url?: string;
  readonly email: string;
  readonly password: string;
  readonly apiKey?: string;
}

/** A terminal client of a running server. */
export function askCommand(): Command {
  return new Command('ask')
    .description('ask a running server and print the cited answer')
    .argument('<question>')
    .addOption(
      new Option('--url <url>', 'address of the server; default: this machine at PORT').env('MULTIDB_URL'),
    )
    .addOption(new Option('--email <email>', 'who asks').env('MULTIDB_EMAIL').default(DEMO_USER.email))
    .addOption(
      new Option('--password <password>', 'their password')
        .env('MULTIDB_PASSWORD')
        .default(DEMO_USER.password),
    )
    .addOption(new Option('--api-key <key>', 'instead of a login').env('MULTIDB_API_KEY'))
    .action(ask);
}

async function ask(question: string, options: AskCommandOptions): Promise<void> {
  const client = new MultiDbClient({
    url: options.url ?? `http://127.0.0.1:${readConfig(process.env).PORT}`,
  });
  try {
    if (options.apiKey === undefined) await client.login(options.email, options.password);
    else client.useApiKey(options.apiKey);
    await showAnswer(client, new Terminal(process.stdout, process.env), question);
  } finally {
    client.close();
  }
}
