import { createUnionType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { ErrorInfo } from '../../domain/errors.ts';
import type { FinishReason, RunStatus } from '../../domain/run.ts';
import type { RunUsage } from '../../domain/usage.ts';
import { FinishReasonEnum, RunStatusEnum } from '../enums.ts';
import { DateTime, SafeInt } from '../scalars.ts';
import { ErrorInfoObject, NodeInterface } from './common.ts';
import { ConversationObject, MessageObject } from './conversation.ts';
import { IdempotencyConflict, QuotaExceeded, typenameOf } from './failures.ts';

@ObjectType('RunUsage', { simpleResolvers: true, description: 'What one run consumed and cost.' })
export class RunUsageObject implements RunUsage {
  @Field(() => SafeInt, { description: 'Tokens that the model read.' })
  readonly inputTokens!: number;

  @Field(() => SafeInt, { description: 'Tokens that the model wrote.' })
  readonly outputTokens!: number;

  @Field(() => SafeInt, { description: 'What it cost, in micro-units.' })
  readonly costMicros!: number;

  @Field(() => Boolean, { description: 'True: the model reported nothing and the tokens were counted here.' })
  readonly estimated!: boolean;
}

@ObjectType('Run', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'One answer being made.',
})
export class RunObject extends NodeInterface {
  @Field(() => RunStatusEnum, { description: 'How far it is.' })
  readonly status!: RunStatus;

  @Field(() => Int, { description: 'From 1; rises when another node takes the run over.' })
  readonly generation!: number;

  @Field(() => RunUsageObject, { nullable: true, description: 'What it consumed; null until it is settled.' })
  readonly usage!: RunUsage | null;

  @Field(() => FinishReasonEnum, {
    nullable: true,
    description: 'Why it ended; null while it goes on or failed.',
  })
  readonly finishReason!: FinishReason | null;

  @Field(() => ErrorInfoObject, { nullable: true, description: 'Why it failed.' })
  readonly error!: ErrorInfo | null;

  @Field(() => ID, { description: 'The conversation that it answers in.' })
  readonly conversationId!: string;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  readonly createdAt!: number;
}

@ObjectType('Handover', { simpleResolvers: true, description: 'Where another node went on with an answer.' })
export class HandoverObject {
  @Field(() => Int, { description: 'The generation that went on.' })
  readonly generation!: number;

  @Field(() => Int, {
    description: 'How much of the answer stood then, in UTF-16 units; it was kept as it was.',
  })
  readonly textLength!: number;

  @Field(() => Int, { description: 'The sequence of the event that says so.' })
  readonly sequence!: number;
}

@InputType({ description: 'A message to be answered.' })
export class SendMessageInput {
  @Field(() => String, { description: 'The question.' })
  readonly text!: string;

  @Field(() => ID, { nullable: true, description: 'The conversation to go on with; default: a new one.' })
  readonly conversationId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Makes repeating harmless: same key and payload, one run.',
  })
  readonly idempotencyKey?: string | null;

  @Field(() => [ID], { nullable: true, description: 'Which collections to answer from; default: all.' })
  readonly collectionIds?: string[] | null;
}

@ObjectType('SendMessageSuccess', {
  simpleResolvers: true,
  description: 'The message is stored, its run begun.',
})
export class SendMessageSuccessObject {
  @Field(() => Boolean, {
    description: 'True: the idempotency key came before; this is the run it made then.',
  })
  readonly replayed!: boolean;

  @Field(() => ConversationObject, { description: 'The conversation.' })
  readonly conversation!: ConversationObject;

  @Field(() => MessageObject, { description: 'The message as stored.' })
  readonly userMessage!: MessageObject;

  @Field(() => RunObject, { description: 'The run; subscribe to runEvents to watch its answer.' })
  readonly run!: RunObject;
}

export const SendMessageResult = createUnionType({
  name: 'SendMessageResult',
  description: 'The run, or why there is none.',
  types: () => [SendMessageSuccessObject, QuotaExceeded, IdempotencyConflict] as const,
  resolveType: typenameOf,
});

@InputType({ description: 'Which run to stop.' })
export class StopRunInput {
  @Field(() => ID, { description: 'The run.' })
  readonly runId!: string;
}

@ObjectType('StopRunPayload', { simpleResolvers: true, description: 'The stopped run.' })
export class StopRunPayloadObject {
  @Field(() => RunObject, { description: 'It keeps, and bills, exactly what was shown.' })
  readonly run!: RunObject;
}
