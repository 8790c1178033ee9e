/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Which document not to take in. */
export type CancelIngestionInput = {
  /** A document whose newest version is queued or being processed. */
  readonly documentId: string;
};

/** The file that will be uploaded. */
export type CreateUploadInput = {
  /** Its name, for the title and the type. */
  readonly fileName: string;
  /** Its media type; the upload must be sent with the same. */
  readonly mediaType: string;
  /** Its exact size in bytes. */
  readonly size: number;
};

/** Which document to delete. */
export type DeleteDocumentInput = {
  /** The document. */
  readonly documentId: string;
};

/** Where the document comes from: exactly one of these. */
export type DocumentSourceInput =
  {   /** The text itself. */
  readonly text: TextSourceInput; readonly uploadId?: never; readonly url?: never; }
  |  { readonly text?: never;   /** A finished upload. */
  readonly uploadId: string; readonly url?: never; }
  |  { readonly text?: never; readonly uploadId?: never;   /** A public http or https address to fetch. */
  readonly url: string; };

/** How far the newest version of a document is. */
export type DocumentStatus =
  /** Given up; the error says why. */
  | 'FAILED'
  /** Being loaded, split, embedded and indexed. */
  | 'PROCESSING'
  /** Accepted, waiting for a worker. */
  | 'QUEUED'
  /** Found by searches and answers. */
  | 'READY';

/** Why an answer ended. */
export type FinishReason =
  /** The documents hold no answer. */
  | 'ABSTAINED'
  /** It was complete. */
  | 'COMPLETED'
  /** It reached its length limit. */
  | 'LIMIT'
  /** Its user stopped it. */
  | 'STOPPED';

/** How the results of words and of meaning become one ranking. */
export type Fusion =
  /** Scores scaled between the lowest and the highest, then weighed. */
  | 'MIN_MAX'
  /** Reciprocal ranks, weighed: for scores that have no steady scale. */
  | 'RRF';

/** A document to take in. */
export type IngestInput = {
  /** Where to put it; default: the workspace's default collection. */
  readonly collectionId?: string | null | undefined;
  /** Your own name for it; other bytes under it make a new version. */
  readonly externalId?: string | null | undefined;
  /** Makes repeating harmless: same key and payload, same result. */
  readonly idempotencyKey?: string | null | undefined;
  /** Fields to filter by: strings, numbers, booleans and lists of them. */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  /** Where it comes from. */
  readonly source: DocumentSourceInput;
  /** Title; default: found in the text or the file name. */
  readonly title?: string | null | undefined;
};

/** A step between a submitted document and one that is found, in this order. */
export type IngestionStage =
  /** The chunks are embedded and stored, unseen. */
  | 'EMBED'
  /** The chunks become visible, those of older versions go. */
  | 'INDEX'
  /** Its bytes are read as text. */
  | 'LOAD'
  /** The text is cut into chunks. */
  | 'SPLIT'
  /** A search must find the last chunk. */
  | 'VERIFY';

/** What to log in with. */
export type LoginInput = {
  /** E-mail of the account, in any case. */
  readonly email: string;
  /** Its password. */
  readonly password: string;
};

/** Who wrote a message. */
export type MessageRole =
  /** The system answered. */
  | 'ASSISTANT'
  /** A person or a program asked. */
  | 'USER';

/** What to exchange for new tokens. */
export type RefreshSessionInput = {
  /** The newest refresh token of the session; it is used up by this. */
  readonly refreshToken: string;
};

/** A new title for a conversation. */
export type RenameConversationInput = {
  /** The conversation. */
  readonly conversationId: string;
  /** The title from now on. */
  readonly title: string;
};

/** What orders the best candidates anew. */
export type Reranking =
  /** A model that reads question and passage together, if one is configured. */
  | 'CROSS_ENCODER'
  /** Each next passage the most relevant of those least like the ones before it (MMR). */
  | 'DIVERSITY'
  /** Nothing: the fused order. */
  | 'NONE';

/** What finds and ranks passages. */
export type RetrievalMode =
  /** Words and meaning, fused. */
  | 'HYBRID'
  /** Words alone (BM25). */
  | 'LEXICAL'
  /** Meaning alone (embeddings). */
  | 'VECTOR';

/** Which document to take in again. */
export type RetryDocumentInput = {
  /** A document whose newest version failed. */
  readonly documentId: string;
  /** Begin here; default, and at the latest: where it failed. What earlier stages made is used again. */
  readonly fromStage?: IngestionStage | null | undefined;
};

/** What a member may do in a workspace; each role includes the ones after it. */
export type Role =
  /** Members and API keys beside all that editors may. */
  | 'ADMIN'
  /** Documents and collections beside all that viewers may. */
  | 'EDITOR'
  /** Everything, the workspace itself included. */
  | 'OWNER'
  /** Reading documents and chatting. */
  | 'VIEWER';

/** How far a run is. */
export type RunStatus =
  /** The answer is whole. */
  | 'COMPLETED'
  /** Ended by an error; what was shown stays. */
  | 'FAILED'
  /** Accepted, not begun. */
  | 'QUEUED'
  /** The answer is being made. */
  | 'RUNNING'
  /** Ended by its user; what was shown stays. */
  | 'STOPPED';

/** What to look for. */
export type SearchInput = {
  /** Where to look; default: all collections. */
  readonly collectionIds?: ReadonlyArray<string> | null | undefined;
  /** Without passages that repeat a better one nearly word for word; default false. */
  readonly distinct?: boolean | null | undefined;
  /** Also tell what each stage of the search knew; default false. */
  readonly explain?: boolean | null | undefined;
  /** `{ field: value | { eq in gte lte exists } }` on metadata; all must hold. */
  readonly filter?: Readonly<Record<string, unknown>> | null | undefined;
  /** How many passages; default 20, at most 100. */
  readonly first?: number | null | undefined;
  /** How the legs are mixed; default MIN_MAX. */
  readonly fusion?: Fusion | null | undefined;
  /** What finds and ranks; default HYBRID. */
  readonly mode?: RetrievalMode | null | undefined;
  /** Only the best passage of each document, to list documents; default false. */
  readonly onePerDocument?: boolean | null | undefined;
  /** A question or key words. */
  readonly query: string;
  /** What orders the best 50 anew; default CROSS_ENCODER where one is configured, else NONE. */
  readonly reranking?: Reranking | null | undefined;
};

/** A message to be answered. */
export type SendMessageInput = {
  /** Which collections to answer from; default: all. */
  readonly collectionIds?: ReadonlyArray<string> | null | undefined;
  /** The conversation to go on with; default: a new one. */
  readonly conversationId?: string | null | undefined;
  /** Makes repeating harmless: same key and payload, one run. */
  readonly idempotencyKey?: string | null | undefined;
  /** The question. */
  readonly text: string;
};

/** What a new account is made of. */
export type SignUpInput = {
  /** E-mail to sign in with. */
  readonly email: string;
  /** A password of 10 to 200 characters, other than the e-mail. */
  readonly password: string;
  /** Name of the first workspace; default: from the e-mail. */
  readonly workspaceName?: string | null | undefined;
};

/** Which run to stop. */
export type StopRunInput = {
  /** The run. */
  readonly runId: string;
};

/** Which workspace to act in. */
export type SwitchWorkspaceInput = {
  /** A workspace that you are a member of. */
  readonly workspaceId: string;
};

/** Text as the document. */
export type TextSourceInput = {
  /** The text; kept unchanged, line ends included. */
  readonly content: string;
  /** text/plain (default), text/markdown or text/html. */
  readonly mediaType?: string | null | undefined;
};

export type LoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type LoginMutation = { readonly login:
    | { readonly __typename: 'InvalidCredentials', readonly code: string, readonly message: string }
    | { readonly __typename: 'LoginSuccess', readonly accessToken: string, readonly expiresAt: string, readonly refreshToken: string, readonly user: { readonly id: string, readonly email: string }, readonly workspace: { readonly id: string, readonly name: string } }
    | { readonly __typename: 'TooManyAttempts', readonly retryAfterMs: number, readonly code: string, readonly message: string }
   };

export type SignUpMutationVariables = Exact<{
  input: SignUpInput;
}>;


export type SignUpMutation = { readonly signUp:
    | { readonly __typename: 'EmailTaken', readonly code: string, readonly message: string }
    | { readonly __typename: 'LoginSuccess', readonly accessToken: string, readonly expiresAt: string, readonly refreshToken: string, readonly user: { readonly id: string, readonly email: string }, readonly workspace: { readonly id: string, readonly name: string } }
    | { readonly __typename: 'TooManyAttempts', readonly retryAfterMs: number, readonly code: string, readonly message: string }
    | { readonly __typename: 'WeakPassword', readonly code: string, readonly message: string }
   };

export type RefreshSessionMutationVariables = Exact<{
  input: RefreshSessionInput;
}>;


export type RefreshSessionMutation = { readonly refreshSession:
    | { readonly __typename: 'InvalidCredentials', readonly code: string, readonly message: string }
    | { readonly __typename: 'LoginSuccess', readonly accessToken: string, readonly expiresAt: string, readonly refreshToken: string, readonly user: { readonly id: string, readonly email: string }, readonly workspace: { readonly id: string, readonly name: string } }
    | { readonly __typename: 'TooManyAttempts', readonly retryAfterMs: number, readonly code: string, readonly message: string }
   };

export type SwitchWorkspaceMutationVariables = Exact<{
  input: SwitchWorkspaceInput;
}>;


export type SwitchWorkspaceMutation = { readonly switchWorkspace: { readonly session: { readonly accessToken: string, readonly expiresAt: string, readonly refreshToken: string, readonly user: { readonly id: string, readonly email: string }, readonly workspace: { readonly id: string, readonly name: string } } } };

export type LogoutMutationVariables = Exact<{ [key: string]: never; }>;


export type LogoutMutation = { readonly logout: { readonly loggedOut: boolean } };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { readonly me: { readonly id: string, readonly email: string, readonly memberships: ReadonlyArray<{ readonly role: Role, readonly workspace: { readonly id: string, readonly name: string } }> } };

export type UsageQueryVariables = Exact<{ [key: string]: never; }>;


export type UsageQuery = { readonly workspace: { readonly id: string, readonly name: string, readonly usage: { readonly messages: number, readonly inputTokens: number, readonly outputTokens: number, readonly costMicros: number }, readonly quota: { readonly limitMicros: number | null, readonly usedMicros: number, readonly reservedMicros: number, readonly resetsAt: string | null } } };

export type IngestMutationVariables = Exact<{
  input: IngestInput;
}>;


export type IngestMutation = { readonly ingest:
    | { readonly __typename: 'DocumentTooLarge', readonly code: string, readonly message: string }
    | { readonly __typename: 'IdempotencyConflict', readonly code: string, readonly message: string }
    | { readonly __typename: 'IngestSuccess', readonly duplicate: boolean, readonly document: { readonly id: string, readonly title: string, readonly status: DocumentStatus, readonly version: number, readonly chunkCount: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null } }
    | { readonly __typename: 'QuotaExceeded', readonly code: string, readonly message: string }
    | { readonly __typename: 'UnsupportedDocument', readonly code: string, readonly message: string }
   };

export type CreateUploadMutationVariables = Exact<{
  input: CreateUploadInput;
}>;


export type CreateUploadMutation = { readonly createUpload:
    | { readonly __typename: 'CreateUploadSuccess', readonly uploadId: string, readonly url: string, readonly expiresAt: string }
    | { readonly __typename: 'DocumentTooLarge', readonly code: string, readonly message: string }
    | { readonly __typename: 'QuotaExceeded', readonly code: string, readonly message: string }
    | { readonly __typename: 'UnsupportedDocument', readonly code: string, readonly message: string }
   };

export type DeleteDocumentMutationVariables = Exact<{
  input: DeleteDocumentInput;
}>;


export type DeleteDocumentMutation = { readonly deleteDocument: { readonly deletedDocumentId: string } };

export type RetryDocumentMutationVariables = Exact<{
  input: RetryDocumentInput;
}>;


export type RetryDocumentMutation = { readonly retryDocument: { readonly document: { readonly id: string, readonly title: string, readonly status: DocumentStatus, readonly version: number, readonly chunkCount: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null } } };

export type CancelIngestionMutationVariables = Exact<{
  input: CancelIngestionInput;
}>;


export type CancelIngestionMutation = { readonly cancelIngestion: { readonly document: { readonly id: string, readonly title: string, readonly status: DocumentStatus, readonly version: number, readonly chunkCount: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null } } };

export type DocumentQueryVariables = Exact<{
  id: string;
}>;


export type DocumentQuery = { readonly document: { readonly id: string, readonly title: string, readonly status: DocumentStatus, readonly version: number, readonly chunkCount: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null } | null };

export type DocumentTextQueryVariables = Exact<{
  id: string;
  start?: number;
  end?: number | null | undefined;
}>;


export type DocumentTextQuery = { readonly document: { readonly id: string, readonly text: string } | null };

export type DocumentsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type DocumentsQuery = { readonly documents: { readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly title: string, readonly status: DocumentStatus, readonly version: number, readonly chunkCount: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null } }>, readonly pageInfo: { readonly endCursor: string | null, readonly hasNextPage: boolean } } };

export type DocumentEventsSubscriptionVariables = Exact<{
  documentId: string;
  after?: string | null | undefined;
}>;


export type DocumentEventsSubscription = { readonly documentEvents: { readonly __typename: 'DocumentEvent', readonly cursor: string, readonly stage: string, readonly status: DocumentStatus, readonly progress: number, readonly message: string | null } };

export type SearchQueryVariables = Exact<{
  input: SearchInput;
}>;


export type SearchQuery = { readonly search: { readonly passages: ReadonlyArray<{ readonly score: number, readonly chunkId: string, readonly text: string, readonly start: number, readonly end: number, readonly headingPath: ReadonlyArray<string>, readonly page: number | null, readonly document: { readonly id: string, readonly title: string } }> } };

export type SendMessageMutationVariables = Exact<{
  input: SendMessageInput;
}>;


export type SendMessageMutation = { readonly sendMessage:
    | { readonly __typename: 'IdempotencyConflict', readonly code: string, readonly message: string }
    | { readonly __typename: 'QuotaExceeded', readonly code: string, readonly message: string }
    | { readonly __typename: 'SendMessageSuccess', readonly replayed: boolean, readonly conversation: { readonly id: string }, readonly userMessage: { readonly id: string, readonly text: string }, readonly run: { readonly id: string, readonly status: RunStatus } }
   };

export type RunEventsSubscriptionVariables = Exact<{
  runId: string;
  after?: string | null | undefined;
}>;


export type RunEventsSubscription = { readonly runEvents:
    | { readonly __typename: 'CitationAdded', readonly cursor: string, readonly sequence: number, readonly citation: { readonly index: number, readonly chunkId: string, readonly quote: string, readonly sourceStart: number, readonly sourceEnd: number, readonly answerStart: number, readonly answerEnd: number, readonly headingPath: ReadonlyArray<string>, readonly page: number | null, readonly documentTitle: string, readonly documentVersion: number, readonly document: { readonly id: string, readonly title: string } | null } }
    | { readonly __typename: 'RetrievalEnd', readonly passageCount: number, readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'RunEnd', readonly finishReason: FinishReason, readonly cursor: string, readonly sequence: number, readonly message: { readonly id: string, readonly text: string, readonly citations: ReadonlyArray<{ readonly index: number, readonly chunkId: string, readonly quote: string, readonly sourceStart: number, readonly sourceEnd: number, readonly answerStart: number, readonly answerEnd: number, readonly headingPath: ReadonlyArray<string>, readonly page: number | null, readonly documentTitle: string, readonly documentVersion: number, readonly document: { readonly id: string, readonly title: string } | null }> } }
    | { readonly __typename: 'RunError', readonly cursor: string, readonly sequence: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } }
    | { readonly __typename: 'RunGap', readonly firstMissing: number, readonly lastMissing: number, readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'RunHandover', readonly generation: number, readonly textLength: number, readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'RunStart', readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'TokenDelta', readonly text: string, readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'ToolCallEnd', readonly toolCallId: string, readonly toolName: string, readonly succeeded: boolean, readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'ToolCallStart', readonly toolCallId: string, readonly toolName: string, readonly cursor: string, readonly sequence: number }
    | { readonly __typename: 'UsageReported', readonly inputTokens: number, readonly outputTokens: number, readonly costMicros: number, readonly estimated: boolean, readonly cursor: string, readonly sequence: number }
   };

export type StopRunMutationVariables = Exact<{
  input: StopRunInput;
}>;


export type StopRunMutation = { readonly stopRun: { readonly run: { readonly id: string, readonly status: RunStatus } } };

export type RunQueryVariables = Exact<{
  id: string;
}>;


export type RunQuery = { readonly run: { readonly id: string, readonly status: RunStatus, readonly generation: number, readonly message: { readonly id: string, readonly text: string } | null, readonly usage: { readonly inputTokens: number, readonly outputTokens: number, readonly costMicros: number, readonly estimated: boolean } | null } | null };

export type ConversationQueryVariables = Exact<{
  id: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ConversationQuery = { readonly conversation: { readonly id: string, readonly title: string | null, readonly updatedAt: string, readonly messages: { readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly role: MessageRole, readonly text: string, readonly createdAt: string, readonly citations: ReadonlyArray<{ readonly index: number, readonly chunkId: string, readonly quote: string, readonly sourceStart: number, readonly sourceEnd: number, readonly answerStart: number, readonly answerEnd: number, readonly headingPath: ReadonlyArray<string>, readonly page: number | null, readonly documentTitle: string, readonly documentVersion: number, readonly document: { readonly id: string, readonly title: string } | null }> } }>, readonly pageInfo: { readonly endCursor: string | null, readonly hasNextPage: boolean } } } | null };

export type ConversationsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ConversationsQuery = { readonly conversations: { readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly title: string | null, readonly updatedAt: string } }>, readonly pageInfo: { readonly endCursor: string | null, readonly hasNextPage: boolean } } };

export type RenameConversationMutationVariables = Exact<{
  input: RenameConversationInput;
}>;


export type RenameConversationMutation = { readonly renameConversation: { readonly conversation: { readonly id: string, readonly title: string | null, readonly updatedAt: string } } };

export type SessionFieldsFragment = { readonly accessToken: string, readonly expiresAt: string, readonly refreshToken: string, readonly user: { readonly id: string, readonly email: string }, readonly workspace: { readonly id: string, readonly name: string } };

export type DocumentFieldsFragment = { readonly id: string, readonly title: string, readonly status: DocumentStatus, readonly version: number, readonly chunkCount: number, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null };

export type CitationFieldsFragment = { readonly index: number, readonly chunkId: string, readonly quote: string, readonly sourceStart: number, readonly sourceEnd: number, readonly answerStart: number, readonly answerEnd: number, readonly headingPath: ReadonlyArray<string>, readonly page: number | null, readonly documentTitle: string, readonly documentVersion: number, readonly document: { readonly id: string, readonly title: string } | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const SessionFieldsFragmentDoc = new TypedDocumentString(`
    fragment SessionFields on LoginSuccess {
  accessToken
  expiresAt
  refreshToken
  user {
    id
    email
  }
  workspace {
    id
    name
  }
}
    `, {"fragmentName":"SessionFields"}) as unknown as TypedDocumentString<SessionFieldsFragment, unknown>;
export const DocumentFieldsFragmentDoc = new TypedDocumentString(`
    fragment DocumentFields on Document {
  id
  title
  status
  version
  chunkCount
  error {
    code
    message
    retryable
  }
}
    `, {"fragmentName":"DocumentFields"}) as unknown as TypedDocumentString<DocumentFieldsFragment, unknown>;
export const CitationFieldsFragmentDoc = new TypedDocumentString(`
    fragment CitationFields on Citation {
  index
  chunkId
  quote
  sourceStart
  sourceEnd
  answerStart
  answerEnd
  headingPath
  page
  documentTitle
  documentVersion
  document {
    id
    title
  }
}
    `, {"fragmentName":"CitationFields"}) as unknown as TypedDocumentString<CitationFieldsFragment, unknown>;
export const LoginDocument = new TypedDocumentString(`
    mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess {
      ...SessionFields
    }
    ... on TooManyAttempts {
      retryAfterMs
    }
    ... on UserError {
      code
      message
    }
  }
}
    fragment SessionFields on LoginSuccess {
  accessToken
  expiresAt
  refreshToken
  user {
    id
    email
  }
  workspace {
    id
    name
  }
}`) as unknown as TypedDocumentString<LoginMutation, LoginMutationVariables>;
export const SignUpDocument = new TypedDocumentString(`
    mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    __typename
    ... on LoginSuccess {
      ...SessionFields
    }
    ... on TooManyAttempts {
      retryAfterMs
    }
    ... on UserError {
      code
      message
    }
  }
}
    fragment SessionFields on LoginSuccess {
  accessToken
  expiresAt
  refreshToken
  user {
    id
    email
  }
  workspace {
    id
    name
  }
}`) as unknown as TypedDocumentString<SignUpMutation, SignUpMutationVariables>;
export const RefreshSessionDocument = new TypedDocumentString(`
    mutation RefreshSession($input: RefreshSessionInput!) {
  refreshSession(input: $input) {
    __typename
    ... on LoginSuccess {
      ...SessionFields
    }
    ... on TooManyAttempts {
      retryAfterMs
    }
    ... on UserError {
      code
      message
    }
  }
}
    fragment SessionFields on LoginSuccess {
  accessToken
  expiresAt
  refreshToken
  user {
    id
    email
  }
  workspace {
    id
    name
  }
}`) as unknown as TypedDocumentString<RefreshSessionMutation, RefreshSessionMutationVariables>;
export const SwitchWorkspaceDocument = new TypedDocumentString(`
    mutation SwitchWorkspace($input: SwitchWorkspaceInput!) {
  switchWorkspace(input: $input) {
    session {
      ...SessionFields
    }
  }
}
    fragment SessionFields on LoginSuccess {
  accessToken
  expiresAt
  refreshToken
  user {
    id
    email
  }
  workspace {
    id
    name
  }
}`) as unknown as TypedDocumentString<SwitchWorkspaceMutation, SwitchWorkspaceMutationVariables>;
export const LogoutDocument = new TypedDocumentString(`
    mutation Logout {
  logout {
    loggedOut
  }
}
    `) as unknown as TypedDocumentString<LogoutMutation, LogoutMutationVariables>;
export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    id
    email
    memberships {
      role
      workspace {
        id
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const UsageDocument = new TypedDocumentString(`
    query Usage {
  workspace {
    id
    name
    usage {
      messages
      inputTokens
      outputTokens
      costMicros
    }
    quota {
      limitMicros
      usedMicros
      reservedMicros
      resetsAt
    }
  }
}
    `) as unknown as TypedDocumentString<UsageQuery, UsageQueryVariables>;
export const IngestDocument = new TypedDocumentString(`
    mutation Ingest($input: IngestInput!) {
  ingest(input: $input) {
    __typename
    ... on IngestSuccess {
      duplicate
      document {
        ...DocumentFields
      }
    }
    ... on UserError {
      code
      message
    }
  }
}
    fragment DocumentFields on Document {
  id
  title
  status
  version
  chunkCount
  error {
    code
    message
    retryable
  }
}`) as unknown as TypedDocumentString<IngestMutation, IngestMutationVariables>;
export const CreateUploadDocument = new TypedDocumentString(`
    mutation CreateUpload($input: CreateUploadInput!) {
  createUpload(input: $input) {
    __typename
    ... on CreateUploadSuccess {
      uploadId
      url
      expiresAt
    }
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CreateUploadMutation, CreateUploadMutationVariables>;
export const DeleteDocumentDocument = new TypedDocumentString(`
    mutation DeleteDocument($input: DeleteDocumentInput!) {
  deleteDocument(input: $input) {
    deletedDocumentId
  }
}
    `) as unknown as TypedDocumentString<DeleteDocumentMutation, DeleteDocumentMutationVariables>;
export const RetryDocumentDocument = new TypedDocumentString(`
    mutation RetryDocument($input: RetryDocumentInput!) {
  retryDocument(input: $input) {
    document {
      ...DocumentFields
    }
  }
}
    fragment DocumentFields on Document {
  id
  title
  status
  version
  chunkCount
  error {
    code
    message
    retryable
  }
}`) as unknown as TypedDocumentString<RetryDocumentMutation, RetryDocumentMutationVariables>;
export const CancelIngestionDocument = new TypedDocumentString(`
    mutation CancelIngestion($input: CancelIngestionInput!) {
  cancelIngestion(input: $input) {
    document {
      ...DocumentFields
    }
  }
}
    fragment DocumentFields on Document {
  id
  title
  status
  version
  chunkCount
  error {
    code
    message
    retryable
  }
}`) as unknown as TypedDocumentString<CancelIngestionMutation, CancelIngestionMutationVariables>;
export const DocumentDocument = new TypedDocumentString(`
    query Document($id: ID!) {
  document(id: $id) {
    ...DocumentFields
  }
}
    fragment DocumentFields on Document {
  id
  title
  status
  version
  chunkCount
  error {
    code
    message
    retryable
  }
}`) as unknown as TypedDocumentString<DocumentQuery, DocumentQueryVariables>;
export const DocumentTextDocument = new TypedDocumentString(`
    query DocumentText($id: ID!, $start: Int! = 0, $end: Int) {
  document(id: $id) {
    id
    text(start: $start, end: $end)
  }
}
    `) as unknown as TypedDocumentString<DocumentTextQuery, DocumentTextQueryVariables>;
export const DocumentsDocument = new TypedDocumentString(`
    query Documents($first: Int, $after: Cursor) {
  documents(first: $first, after: $after) {
    edges {
      cursor
      node {
        ...DocumentFields
      }
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
    fragment DocumentFields on Document {
  id
  title
  status
  version
  chunkCount
  error {
    code
    message
    retryable
  }
}`) as unknown as TypedDocumentString<DocumentsQuery, DocumentsQueryVariables>;
export const DocumentEventsDocument = new TypedDocumentString(`
    subscription DocumentEvents($documentId: ID!, $after: Cursor) {
  documentEvents(documentId: $documentId, after: $after) {
    __typename
    cursor
    stage
    status
    progress
    message
  }
}
    `) as unknown as TypedDocumentString<DocumentEventsSubscription, DocumentEventsSubscriptionVariables>;
export const SearchDocument = new TypedDocumentString(`
    query Search($input: SearchInput!) {
  search(input: $input) {
    passages {
      score
      chunkId
      text
      start
      end
      headingPath
      page
      document {
        id
        title
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SearchQuery, SearchQueryVariables>;
export const SendMessageDocument = new TypedDocumentString(`
    mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) {
    __typename
    ... on SendMessageSuccess {
      replayed
      conversation {
        id
      }
      userMessage {
        id
        text
      }
      run {
        id
        status
      }
    }
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SendMessageMutation, SendMessageMutationVariables>;
export const RunEventsDocument = new TypedDocumentString(`
    subscription RunEvents($runId: ID!, $after: Cursor) {
  runEvents(runId: $runId, after: $after) {
    __typename
    cursor
    sequence
    ... on RetrievalEnd {
      passageCount
    }
    ... on ToolCallStart {
      toolCallId
      toolName
    }
    ... on ToolCallEnd {
      toolCallId
      toolName
      succeeded
    }
    ... on TokenDelta {
      text
    }
    ... on CitationAdded {
      citation {
        ...CitationFields
      }
    }
    ... on UsageReported {
      inputTokens
      outputTokens
      costMicros
      estimated
    }
    ... on RunHandover {
      generation
      textLength
    }
    ... on RunGap {
      firstMissing
      lastMissing
    }
    ... on RunEnd {
      finishReason
      message {
        id
        text
        citations {
          ...CitationFields
        }
      }
    }
    ... on RunError {
      error {
        code
        message
        retryable
      }
    }
  }
}
    fragment CitationFields on Citation {
  index
  chunkId
  quote
  sourceStart
  sourceEnd
  answerStart
  answerEnd
  headingPath
  page
  documentTitle
  documentVersion
  document {
    id
    title
  }
}`) as unknown as TypedDocumentString<RunEventsSubscription, RunEventsSubscriptionVariables>;
export const StopRunDocument = new TypedDocumentString(`
    mutation StopRun($input: StopRunInput!) {
  stopRun(input: $input) {
    run {
      id
      status
    }
  }
}
    `) as unknown as TypedDocumentString<StopRunMutation, StopRunMutationVariables>;
export const RunDocument = new TypedDocumentString(`
    query Run($id: ID!) {
  run(id: $id) {
    id
    status
    generation
    message {
      id
      text
    }
    usage {
      inputTokens
      outputTokens
      costMicros
      estimated
    }
  }
}
    `) as unknown as TypedDocumentString<RunQuery, RunQueryVariables>;
export const ConversationDocument = new TypedDocumentString(`
    query Conversation($id: ID!, $first: Int, $after: Cursor) {
  conversation(id: $id) {
    id
    title
    updatedAt
    messages(first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          role
          text
          createdAt
          citations {
            ...CitationFields
          }
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
}
    fragment CitationFields on Citation {
  index
  chunkId
  quote
  sourceStart
  sourceEnd
  answerStart
  answerEnd
  headingPath
  page
  documentTitle
  documentVersion
  document {
    id
    title
  }
}`) as unknown as TypedDocumentString<ConversationQuery, ConversationQueryVariables>;
export const ConversationsDocument = new TypedDocumentString(`
    query Conversations($first: Int, $after: Cursor) {
  conversations(first: $first, after: $after) {
    edges {
      cursor
      node {
        id
        title
        updatedAt
      }
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
    `) as unknown as TypedDocumentString<ConversationsQuery, ConversationsQueryVariables>;
export const RenameConversationDocument = new TypedDocumentString(`
    mutation RenameConversation($input: RenameConversationInput!) {
  renameConversation(input: $input) {
    conversation {
      id
      title
      updatedAt
    }
  }
}
    `) as unknown as TypedDocumentString<RenameConversationMutation, RenameConversationMutationVariables>;