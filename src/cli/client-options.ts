import { type Command, Option } from 'commander';
import { readConfig } from '../app/config.ts';
import { MultiDbClient } from '../client/index.ts';
import { DEMO_USER } from '../planes/control/seed.ts';

export interface ClientOptions {
  readonly url?: string;
  readonly email: string;
  readonly password: string;
  readonly apiKey?: string;
}

/** Which server, and as whom: the same for every command that talks to one. */
export function addClientOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'address of the server; default: this machine at PORT').env('MULTIDB_URL'),
    )
    .addOption(new Option('--email <email>', 'who you are').env('MULTIDB_EMAIL').default(DEMO_USER.email))
    .addOption(
      new Option('--password <password>', 'your password')
        .env('MULTIDB_PASSWORD')
        .default(DEMO_USER.password),
    )
    .addOption(new Option('--api-key <key>', 'instead of a login').env('MULTIDB_API_KEY'));
}

/** A client that is signed in, closed when `work` ends. */
export async function withClient(
  options: ClientOptions,
  work: (client: MultiDbClient) => Promise<void>,
): Promise<void> {
  const url = options.url ?? `http://127.0.0.1:${readConfig(process.env).PORT}`;
  const client = new MultiDbClient({ url });
  try {
    if (options.apiKey === undefined) await client.login(options.email, options.password);
    else client.useApiKey(options.apiKey);
    await work(client);
  } finally {
    client.close();
  }
}
