import type { Continuity } from './resuming-subscription.ts';
import type { DocumentEvent, RunEvent } from './types.ts';

/** A run numbers its events without gaps, so that a repeated or a missing one shows at once. */
export function runContinuity(): Continuity<RunEvent> {
  let lastSequence: number | undefined;
  return {
    admit(event) {
      const last = lastSequence;
      if (last !== undefined && event.sequence <= last) return 'seen';
      if (last !== undefined && event.sequence > last + 1 && event.__typename !== 'RunGap') return 'gap';
      lastSequence =
        event.__typename === 'RunGap' ? Math.max(event.sequence, event.lastMissing) : event.sequence;
      return 'next';
    },
    isFinal: isTerminal,
    mayBeLast: isTerminal,
  };
}

/** A document has a dozen events a version; only the server knows whether another version follows. */
export function documentContinuity(): Continuity<DocumentEvent> {
  const seen = new Set<string>();
  return {
    admit({ cursor }) {
      if (seen.has(cursor)) return 'seen';
      seen.add(cursor);
      return 'next';
    },
    isFinal: () => false,
    mayBeLast: ({ status }) => status === 'READY' || status === 'FAILED',
  };
}

function isTerminal({ __typename }: RunEvent): boolean {
  return __typename === 'RunEnd' || __typename === 'RunError';
}
