import { Command } from 'commander';
import { addClientOptions, type ClientOptions, withClient } from '../client-options.ts';
import { showAnswer } from '../show-answer.ts';
import { Terminal } from '../ui/terminal.ts';

/** A terminal client of a running server. */
export function askCommand(): Command {
  const command = new Command('ask')
    .description('ask a running server and print the cited answer')
    .argument('<question>');
  return addClientOptions(command).action((question: string, options: ClientOptions) =>
    withClient(options, (client) => showAnswer(client, new Terminal(process.stdout, process.env), question)),
  );
}
