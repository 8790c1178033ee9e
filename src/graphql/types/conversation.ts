import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { Citation } from '../../domain/citation.ts';
import type { MessageRole } from '../../domain/conversation.ts';
import { MessageRoleEnum } from '../enums.ts';
import { Cursor, DateTime } from '../scalars.ts';
import { NodeInterface, PageInfoObject } from './common.ts';

@ObjectType('Citation', {
  simpleResolvers: true,
  description: 'A checked link from a span of an answer to a span of a document. It outlives the document.',
})
export class CitationObject implements Omit<Citation, 'chunkId' | 'documentId'> {
  @Field(() => Int, { description: 'From 1, in order of first appearance in the answer.' })
  readonly index!: number;

  @Field(() => ID, { description: 'The stored unit of text that was retrieved.' })
  readonly chunkId!: string;

  @Field(() => String, {
    description: 'The cited words; `Document.text` of that version between the offsets.',
  })
  readonly quote!: string;

  @Field(() => Int, { description: 'Where the quote begins in the document, in UTF-16 units.' })
  readonly sourceStart!: number;

  @Field(() => Int, { description: 'Where the quote ends in the document, exclusive.' })
  readonly sourceEnd!: number;

  @Field(() => Int, { description: 'Where the supported span begins in the answer, in UTF-16 units.' })
  readonly answerStart!: number;

  @Field(() => Int, { description: 'Where the supported span ends in the answer, exclusive.' })
  readonly answerEnd!: number;

  @Field(() => String, { description: 'Title of the document when it was cited.' })
  readonly documentTitle!: string;

  @Field(() => Int, { description: 'Version of the document that was cited.' })
  readonly documentVersion!: number;

  @Field(() => [String], { description: 'The headings above the quote, outermost first.' })
  readonly headingPath!: readonly string[];

  @Field(() => Int, { nullable: true, description: 'The page of the quote, from 1; null without pages.' })
  readonly page!: number | null;
}

@ObjectType('Message', { simpleResolvers: true, description: 'A question or an answer.' })
export class MessageObject {
  @Field(() => ID, { description: 'Opaque identifier.' })
  readonly id!: string;

  @Field(() => MessageRoleEnum, { description: 'Who wrote it.' })
  readonly role!: MessageRole;

  @Field(() => String, { description: 'Its text.' })
  readonly text!: string;

  @Field(() => DateTime, { description: 'When it was stored.' })
  readonly createdAt!: number;

  @Field(() => [CitationObject], { description: 'What an answer rests on; empty for questions.' })
  readonly citations!: readonly Citation[];

  @Field(() => ID, { description: 'The run that it began, or that made it.' })
  readonly runId!: string;
}

@ObjectType('MessageEdge', { simpleResolvers: true, description: 'A message in a list.' })
export class MessageEdgeObject {
  @Field(() => Cursor, { description: 'Its place in the conversation.' })
  readonly cursor!: string;

  @Field(() => MessageObject, { description: 'The message.' })
  readonly node!: MessageObject;
}

@ObjectType('MessageConnection', { simpleResolvers: true, description: 'A page of messages, oldest first.' })
export class MessageConnectionObject {
  @Field(() => [MessageEdgeObject], { description: 'The messages of this page.' })
  readonly edges!: readonly MessageEdgeObject[];

  @Field(() => PageInfoObject, { description: 'Where the page ends.' })
  readonly pageInfo!: PageInfoObject;
}

@ObjectType('Conversation', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'Messages that belong together; of one user alone.',
})
export class ConversationObject extends NodeInterface {
  @Field(() => String, { nullable: true, description: 'Made from the first message until it is renamed.' })
  readonly title!: string | null;

  @Field(() => DateTime, { description: 'Latest activity.' })
  readonly updatedAt!: number;

  @Field(() => DateTime, { description: 'When it began.' })
  readonly createdAt!: number;
}

@ObjectType('ConversationEdge', { simpleResolvers: true, description: 'A conversation in a list.' })
export class ConversationEdgeObject {
  @Field(() => Cursor, { description: 'Its place in the list.' })
  readonly cursor!: string;

  @Field(() => ConversationObject, { description: 'The conversation.' })
  readonly node!: ConversationObject;
}

@ObjectType('ConversationConnection', {
  simpleResolvers: true,
  description: 'A page of conversations, latest activity first.',
})
export class ConversationConnectionObject {
  @Field(() => [ConversationEdgeObject], { description: 'The conversations of this page.' })
  readonly edges!: readonly ConversationEdgeObject[];

  @Field(() => PageInfoObject, { description: 'Where the page ends.' })
  readonly pageInfo!: PageInfoObject;
}

@InputType({ description: 'A new title for a conversation.' })
export class RenameConversationInput {
  @Field(() => ID, { description: 'The conversation.' })
  readonly conversationId!: string;

  @Field(() => String, { description: 'The title from now on.' })
  readonly title!: string;
}

@ObjectType('RenameConversationPayload', { simpleResolvers: true, description: 'The renamed conversation.' })
export class RenameConversationPayloadObject {
  @Field(() => ConversationObject, { description: 'The conversation.' })
  readonly conversation!: ConversationObject;
}
