/** Questions about this repository's documents, so that a search finds something. */
export const QUESTIONS: readonly string[] = [
  'What databases are best for AI applications?',
  'How is a run finished when its node is lost?',
  'Which store keeps the chat history?',
  'How are citations checked before they are shown?',
  'What happens to a document when it is ingested twice?',
  'How does hybrid retrieval fuse both legs?',
  'Where are refresh tokens kept?',
  'Why is a group commit needed for streams?',
  'What does the embedded PostgreSQL need?',
  'How long is an idempotency key kept?',
];
