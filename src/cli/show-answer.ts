import { type Citation, type MultiDbClient, MultiDbError } from '../client/index.ts';
import type { Terminal } from './ui/terminal.ts';

/** Asks, prints the answer as it comes and its sources after it. Throws what the run failed with. */
export async function showAnswer(client: MultiDbClient, terminal: Terminal, question: string): Promise<void> {
  const citations: Citation[] = [];
  const text = terminal.startStream();
  try {
    for await (const event of client.ask(question)) {
      if (event.__typename === 'TokenDelta') text.write(event.text);
      else if (event.__typename === 'CitationAdded') citations.push(event.citation);
      else if (event.__typename === 'RunError') throw new MultiDbError(event.error.code, event.error.message);
    }
  } finally {
    text.end();
  }
  terminal.citations(citations);
}
