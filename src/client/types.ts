/** The shapes that callers see, taken from the generated operations so that they cannot differ from what is sent. */
import type {
  CitationFieldsFragment,
  ConversationQuery,
  ConversationsQuery,
  DocumentEventsSubscription,
  DocumentFieldsFragment,
  DocumentsQuery,
  MeQuery,
  RunEventsSubscription,
  RunQuery,
  SearchQuery,
  SendMessageMutation,
  SessionFieldsFragment,
  UsageQuery,
} from './generated/operations.ts';

/** Branch on `__typename`. New kinds may come: ignore those you do not know. */
export type RunEvent = RunEventsSubscription['runEvents'];
export type RunEnd = Extract<RunEvent, { readonly __typename: 'RunEnd' }>;
export type Citation = CitationFieldsFragment;
export type DocumentEvent = DocumentEventsSubscription['documentEvents'];
export type Document = DocumentFieldsFragment;
export type DocumentPage = DocumentsQuery['documents'];
export type Passage = SearchQuery['search']['passages'][number];
export type Run = NonNullable<RunQuery['run']>;
export type Conversation = NonNullable<ConversationQuery['conversation']>;
export type ConversationPage = ConversationsQuery['conversations'];
export type Me = MeQuery['me'];
export type WorkspaceUsage = UsageQuery['workspace'];
export type SignedIn = Pick<SessionFieldsFragment, 'user' | 'workspace'>;
/** What `sendMessage` answered: the run to watch and the conversation to go on with. */
export type Sent = Omit<
  Extract<SendMessageMutation['sendMessage'], { readonly __typename: 'SendMessageSuccess' }>,
  '__typename'
>;

/** Values of a filter: `{ field: value | { eq, in, gte, lte, exists } }`; all must hold. */
export type Filter = Readonly<Record<string, unknown>>;
export type Metadata = Readonly<
  Record<string, string | number | boolean | readonly (string | number | boolean)[]>
>;
export interface PageRequest {
  readonly first?: number;
  /** `endCursor` of the page before. */
  readonly after?: string;
}
