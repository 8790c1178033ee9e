import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Citation } from '../../domain/citation.ts';
import type { Conversation, Message } from '../../domain/conversation.ts';
import type { Document } from '../../domain/document.ts';
import { type Connection, toConnection } from '../connections.ts';
import type { RequestContext } from '../context.ts';
import {
  conversationKey,
  conversationsOwner,
  encodeCursor,
  encodeListCursor,
  positionIn,
} from '../cursors.ts';
import { pageSize, requireId, shortText } from '../inputs.ts';
import { Cursor } from '../scalars.ts';
import {
  CitationObject,
  ConversationConnectionObject,
  ConversationObject,
  MessageConnectionObject,
  RenameConversationInput,
  RenameConversationPayloadObject,
} from '../types/conversation.ts';
import { DocumentObject } from '../types/document.ts';

const TITLE_LENGTH_MAX = 500;

@Resolver(() => ConversationObject)
export class ConversationResolver {
  @Query(() => ConversationObject, { nullable: true, description: 'One of your conversations.' })
  conversation(
    @Arg('id', () => ID, { description: 'The conversation.' }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<Conversation> {
    const principal = context.requirePrincipal();
    return context.services.conversations.get(principal, requireId('cnv', id));
  }

  @Query(() => ConversationConnectionObject, { description: 'Your conversations, latest activity first.' })
  async conversations(
    @Arg('first', () => Int, { nullable: true, description: 'Page size; default 20, at most 100.' })
    first: number | null | undefined,
    @Arg('after', () => Cursor, { nullable: true, description: 'Go on after this one.' })
    after: string | null | undefined,
    @Ctx() context: RequestContext,
  ): Promise<Connection<Conversation>> {
    const principal = context.requirePrincipal();
    const owner = conversationsOwner(principal);
    const request = { first: pageSize(first), after: conversationKey(owner, after) };
    const page = await context.services.conversations.list(principal, request);
    return toConnection(page, ({ id, updatedAt }) => encodeListCursor(owner, id, updatedAt));
  }

  @FieldResolver(() => MessageConnectionObject, { description: 'Its messages, oldest first.' })
  async messages(
    @Root() conversation: Conversation,
    @Arg('first', () => Int, { nullable: true, description: 'Page size; default 20, at most 100.' })
    first: number | null | undefined,
    @Arg('after', () => Cursor, { nullable: true, description: 'Go on after this one.' })
    after: string | null | undefined,
    @Ctx() context: RequestContext,
  ): Promise<Connection<Message>> {
    const request = { first: pageSize(first), after: positionIn(conversation.id, after) };
    const principal = context.requirePrincipal();
    const page = await context.services.conversations.messages(principal, conversation.id, request);
    return toConnection(page, ({ position }) => encodeCursor(conversation.id, position));
  }

  @Mutation(() => RenameConversationPayloadObject, { description: 'Gives a conversation another title.' })
  async renameConversation(
    @Arg('input', () => RenameConversationInput, { description: 'Which, and the title.' })
    input: RenameConversationInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly conversation: Conversation }> {
    const principal = context.requirePrincipal();
    const id = requireId('cnv', input.conversationId);
    const title = shortText('title', input.title, TITLE_LENGTH_MAX);
    return { conversation: await context.services.conversations.rename(principal, id, title) };
  }
}

@Resolver(() => CitationObject)
export class CitationResolver {
  @FieldResolver(() => DocumentObject, {
    nullable: true,
    description: 'The document; null once it is deleted.',
  })
  document(@Root() citation: Citation, @Ctx() context: RequestContext): Promise<Document | null> {
    return context.findDocument(citation.documentId);
  }
}
