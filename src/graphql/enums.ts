import { registerEnumType } from 'type-graphql';
import { DOCUMENT_STATUSES, type IngestionStage } from '../domain/document.ts';
import { DEPLOYMENT_STATES } from '../domain/embedding-deployment.ts';
import { API_KEY_SCOPES, ROLES } from '../domain/principal.ts';
import { FUSIONS, RERANKINGS, RETRIEVAL_MODES, RETRIEVAL_STAGES } from '../domain/retrieval.ts';
import { FINISH_REASONS, RUN_STATUSES } from '../domain/run.ts';

/** `['A', 'B']` → `{ A: 'A', B: 'B' }`: the const object that type-graphql takes for an enum. */
function enumOf<Value extends string>(values: readonly Value[]): { readonly [Name in Value]: Name } {
  return Object.fromEntries(values.map((value) => [value, value])) as { readonly [Name in Value]: Name };
}

export const RoleEnum = enumOf(ROLES);
registerEnumType(RoleEnum, {
  name: 'Role',
  description: 'What a member may do in a workspace; each role includes the ones after it.',
  valuesConfig: {
    OWNER: { description: 'Everything, the workspace itself included.' },
    ADMIN: { description: 'Members and API keys beside all that editors may.' },
    EDITOR: { description: 'Documents and collections beside all that viewers may.' },
    VIEWER: { description: 'Reading documents and chatting.' },
  },
});

export const ApiKeyScopeEnum = enumOf(API_KEY_SCOPES);
registerEnumType(ApiKeyScopeEnum, {
  name: 'ApiKeyScope',
  description: 'What an API key may be used for, within its role.',
  valuesConfig: {
    READ: { description: 'Reading the workspace and its documents, searching included.' },
    WRITE: { description: 'Ingesting and deleting documents, managing collections.' },
    CHAT: { description: 'Sending messages and reading answers.' },
    MANAGE: { description: 'Members, API keys and the workspace itself.' },
  },
});

export const DocumentStatusEnum = enumOf(DOCUMENT_STATUSES);
registerEnumType(DocumentStatusEnum, {
  name: 'DocumentStatus',
  description: 'How far the newest version of a document is.',
  valuesConfig: {
    QUEUED: { description: 'Accepted, waiting for a worker.' },
    PROCESSING: { description: 'Being loaded, split, embedded and indexed.' },
    READY: { description: 'Found by searches and answers.' },
    FAILED: { description: 'Given up; the error says why.' },
  },
});

/** Events name stages in lower case, as they are stored. */
export const IngestionStageEnum = {
  LOAD: 'load',
  SPLIT: 'split',
  EMBED: 'embed',
  INDEX: 'index',
  VERIFY: 'verify',
} as const satisfies Record<Uppercase<IngestionStage>, IngestionStage>;
registerEnumType(IngestionStageEnum, {
  name: 'IngestionStage',
  description: 'A step between a submitted document and one that is found, in this order.',
  valuesConfig: {
    LOAD: { description: 'Its bytes are read as text.' },
    SPLIT: { description: 'The text is cut into chunks.' },
    EMBED: { description: 'The chunks are embedded and stored, unseen.' },
    INDEX: { description: 'The chunks become visible, those of older versions go.' },
    VERIFY: { description: 'A search must find the last chunk.' },
  },
});

export const RunStatusEnum = enumOf(RUN_STATUSES);
registerEnumType(RunStatusEnum, {
  name: 'RunStatus',
  description: 'How far a run is.',
  valuesConfig: {
    QUEUED: { description: 'Accepted, not begun.' },
    RUNNING: { description: 'The answer is being made.' },
    COMPLETED: { description: 'The answer is whole.' },
    STOPPED: { description: 'Ended by its user; what was shown stays.' },
    FAILED: { description: 'Ended by an error; what was shown stays.' },
  },
});

export const FinishReasonEnum = enumOf(FINISH_REASONS);
registerEnumType(FinishReasonEnum, {
  name: 'FinishReason',
  description: 'Why an answer ended.',
  valuesConfig: {
    COMPLETED: { description: 'It was complete.' },
    STOPPED: { description: 'Its user stopped it.' },
    LIMIT: { description: 'It reached its length limit.' },
    ABSTAINED: { description: 'The documents hold no answer.' },
  },
});

export const MessageRoleEnum = enumOf(['USER', 'ASSISTANT']);
registerEnumType(MessageRoleEnum, {
  name: 'MessageRole',
  description: 'Who wrote a message.',
  valuesConfig: {
    USER: { description: 'A person or a program asked.' },
    ASSISTANT: { description: 'The system answered.' },
  },
});

export const RetrievalModeEnum = enumOf(RETRIEVAL_MODES);
registerEnumType(RetrievalModeEnum, {
  name: 'RetrievalMode',
  description: 'What finds and ranks passages.',
  valuesConfig: {
    HYBRID: { description: 'Words and meaning, fused.' },
    LEXICAL: { description: 'Words alone (BM25).' },
    VECTOR: { description: 'Meaning alone (embeddings).' },
  },
});

export const EmbeddingDeploymentStateEnum = enumOf(DEPLOYMENT_STATES);
registerEnumType(EmbeddingDeploymentStateEnum, {
  name: 'EmbeddingDeploymentState',
  description: 'Where an embedding deployment stands between its build and its end.',
  valuesConfig: {
    BUILDING: { description: 'Its vectors are being made; new chunks get theirs at once.' },
    SHADOW: { description: 'Whole; a share of the live searches is repeated on it and measured.' },
    CANARY: { description: 'Answers a share of the questions.' },
    ACTIVE: { description: 'What the collection is searched by.' },
    SOAKING: { description: 'Was active; kept up to date, so that it can be rolled back to at once.' },
    ROLLED_BACK: {
      description: 'Was active and was rolled back; may be promoted again until its soak ends.',
    },
    FAILED: { description: 'Its build was given up; creating it again goes on where it ended.' },
    RECLAIMING: { description: 'Its vectors are being removed.' },
    RECLAIMED: { description: 'Its vectors are gone.' },
  },
});

export const FusionEnum = enumOf(FUSIONS);
registerEnumType(FusionEnum, {
  name: 'Fusion',
  description: 'How the results of words and of meaning become one ranking.',
  valuesConfig: {
    MIN_MAX: { description: 'Scores scaled between the lowest and the highest, then weighed.' },
    RRF: { description: 'Reciprocal ranks, weighed: for scores that have no steady scale.' },
  },
});

export const RerankingEnum = enumOf(RERANKINGS);
registerEnumType(RerankingEnum, {
  name: 'Reranking',
  description: 'What orders the best candidates anew.',
  valuesConfig: {
    NONE: { description: 'Nothing: the fused order.' },
    DIVERSITY: {
      description: 'Each next passage the most relevant of those least like the ones before it (MMR).',
    },
    CROSS_ENCODER: { description: 'A model that reads question and passage together, if one is configured.' },
  },
});

export const RetrievalStageEnum = enumOf(RETRIEVAL_STAGES);
registerEnumType(RetrievalStageEnum, {
  name: 'RetrievalStageName',
  description: 'The stages of a search, in their order.',
  valuesConfig: {
    LEXICAL: { description: 'What the words found.' },
    VECTOR: { description: 'What the meaning found.' },
    FUSION: { description: 'Both as one ranking.' },
    RERANKING: { description: 'The best of it, ordered anew; missing without re-ranking.' },
  },
});
