import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import type { Conversation, Message } from '../../domain/conversation.ts';
import { assertNever } from '../../domain/errors.ts';
import type { Run, RunHandover } from '../../domain/run.ts';
import type { SendMessageCommand, SendMessageOutcome } from '../../planes/services.ts';
import type { RequestContext } from '../context.ts';
import { collectionIds, optionalId, optionalShortText, requireId } from '../inputs.ts';
import { Cursor } from '../scalars.ts';
import { openRunEvents, type RunEventSource } from '../streams.ts';
import { ConversationObject, MessageObject } from '../types/conversation.ts';
import { type Failure, idempotencyConflict, quotaExceeded } from '../types/failures.ts';
import {
  HandoverObject,
  RunObject,
  SendMessageInput,
  SendMessageResult,
  StopRunInput,
  StopRunPayloadObject,
} from '../types/run.ts';
import { RunEnd, RunEventInterface } from '../types/run-event.ts';

const KEY_LENGTH_MAX = 255;

function parseSendMessage(input: SendMessageInput): SendMessageCommand {
  return {
    text: input.text,
    conversationId: optionalId('cnv', input.conversationId),
    idempotencyKey: optionalShortText('idempotencyKey', input.idempotencyKey, KEY_LENGTH_MAX),
    collectionIds: collectionIds(input.collectionIds),
  };
}

function sendMessageResult(outcome: SendMessageOutcome) {
  switch (outcome.kind) {
    case 'sent': {
      const { replayed, conversation, userMessage, run } = outcome;
      return { __typename: 'SendMessageSuccess', replayed, conversation, userMessage, run };
    }
    case 'quota-exceeded':
      return quotaExceeded;
    case 'conflict':
      return idempotencyConflict;
    default:
      return assertNever(outcome);
  }
}

@Resolver(() => RunObject)
export class RunResolver {
  @Query(() => RunObject, { nullable: true, description: 'One of your runs.' })
  run(
    @Arg('id', () => ID, { description: 'The run.' }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<Run> {
    const principal = context.requirePrincipal();
    return context.services.runs.get(principal, requireId('run', id));
  }

  @FieldResolver(() => MessageObject, {
    nullable: true,
    description: 'The answer; null while the run goes on.',
  })
  message(@Root() run: Run, @Ctx() context: RequestContext): Promise<Message | null> {
    return context.services.runs.findAnswer(context.requirePrincipal(), run);
  }

  @FieldResolver(() => [HandoverObject], {
    description: 'The joins in the answer, in order: empty when one node made all of it.',
  })
  handovers(@Root() run: Run, @Ctx() context: RequestContext): Promise<readonly RunHandover[]> {
    return context.services.runs.handovers(context.requirePrincipal(), run);
  }

  @FieldResolver(() => ConversationObject, { description: 'The conversation that it answers in.' })
  conversation(@Root() run: Run, @Ctx() context: RequestContext): Promise<Conversation> {
    return context.services.conversations.get(context.requirePrincipal(), run.conversationId);
  }

  @Mutation(() => SendMessageResult, { description: 'Stores a message and begins its run; answers at once.' })
  async sendMessage(
    @Arg('input', () => SendMessageInput, { description: 'The message.' }) input: SendMessageInput,
    @Ctx() context: RequestContext,
  ): Promise<Failure | ReturnType<typeof sendMessageResult>> {
    const principal = context.requirePrincipal();
    const outcome = await context.services.runs.sendMessage(principal, parseSendMessage(input));
    if (outcome.kind === 'sent') context.rateLimit = outcome.rateLimit;
    return sendMessageResult(outcome);
  }

  @Mutation(() => StopRunPayloadObject, {
    description: 'Ends a run; it keeps, and bills, exactly what was shown.',
  })
  async stopRun(
    @Arg('input', () => StopRunInput, { description: 'Which run.' }) input: StopRunInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly run: Run }> {
    const principal = context.requirePrincipal();
    return { run: await context.services.runs.stop(principal, requireId('run', input.runId)) };
  }

  @Subscription(() => RunEventInterface, {
    description: 'An answer in the making: what was, then live, until it ends. Resume after the last cursor.',
    subscribe: ({ args, context }) => openRunEvents(context, args),
  })
  runEvents(
    @Root() event: RunEventSource,
    @Arg('runId', () => ID, { description: 'The run.' }) _runId: string,
    @Arg('after', () => Cursor, { nullable: true, description: 'Go on after this event.' })
    _after: string | null | undefined,
  ): RunEventSource {
    return event;
  }
}

@Resolver(() => RunEnd)
export class RunEndResolver {
  @FieldResolver(() => MessageObject, { description: 'The whole answer, as stored.' })
  async message(@Root() event: RunEventSource, @Ctx() context: RequestContext): Promise<Message> {
    const principal = context.requirePrincipal();
    const run = await context.services.runs.get(principal, event.runId);
    const answer = await context.services.runs.findAnswer(principal, run);
    if (answer === null) throw new Error(`run ${run.id} ended without an answer`);
    return answer;
  }
}
