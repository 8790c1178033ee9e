/** Which of the two legs find and rank. */
export const RETRIEVAL_MODES = ['HYBRID', 'LEXICAL', 'VECTOR'] as const;
export type RetrievalMode = (typeof RETRIEVAL_MODES)[number];
