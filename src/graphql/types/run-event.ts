import { Field, Int, InterfaceType, ObjectType } from 'type-graphql';
import type { Citation } from '../../domain/citation.ts';
import type { ErrorInfo } from '../../domain/errors.ts';
import type { FinishReason } from '../../domain/run.ts';
import { FinishReasonEnum } from '../enums.ts';
import { Cursor, SafeInt } from '../scalars.ts';
import { ErrorInfoObject } from './common.ts';
import { CitationObject } from './conversation.ts';

@InterfaceType('RunEvent', {
  description: 'One step of an answer in the making. New kinds may come: ignore those you do not know.',
  resolveType: (event: { readonly type: string }) => event.type,
})
export abstract class RunEventInterface {
  @Field(() => Cursor, { simple: true, description: 'Where to go on after this event; the same for ever.' })
  readonly cursor!: string;

  @Field(() => Int, { simple: true, description: 'Dense from 0 within a run.' })
  readonly sequence!: number;
}

const options = { implements: RunEventInterface, simpleResolvers: true };

@ObjectType({ ...options, description: 'The run began.' })
export class RunStart extends RunEventInterface {}

@ObjectType({ ...options, description: 'The documents were searched.' })
export class RetrievalEnd extends RunEventInterface {
  @Field(() => Int, { description: 'How many passages the answer is made from.' })
  readonly passageCount!: number;
}

@ObjectType({ ...options, description: 'The model began to use a tool.' })
export class ToolCallStart extends RunEventInterface {
  @Field(() => String, { description: 'Names this use of the tool.' })
  readonly toolCallId!: string;

  @Field(() => String, { description: 'Which tool.' })
  readonly toolName!: string;
}

@ObjectType({ ...options, description: 'A tool gave its result.' })
export class ToolCallEnd extends RunEventInterface {
  @Field(() => String, { description: 'Names this use of the tool.' })
  readonly toolCallId!: string;

  @Field(() => String, { description: 'Which tool.' })
  readonly toolName!: string;

  @Field(() => Boolean, { description: 'Whether it worked.' })
  readonly succeeded!: boolean;
}

@ObjectType({ ...options, description: 'More text of the answer: append it to what came before.' })
export class TokenDelta extends RunEventInterface {
  @Field(() => String, { description: 'The text; never half of a surrogate pair.' })
  readonly text!: string;
}

@ObjectType({ ...options, description: 'A checked citation of text that was already shown.' })
export class CitationAdded extends RunEventInterface {
  @Field(() => CitationObject, { description: 'The citation.' })
  readonly citation!: Citation;
}

@ObjectType({ ...options, description: 'What the run consumed and cost.' })
export class UsageReported extends RunEventInterface {
  @Field(() => SafeInt, { description: 'Tokens that the model read.' })
  readonly inputTokens!: number;

  @Field(() => SafeInt, { description: 'Tokens that the model wrote.' })
  readonly outputTokens!: number;

  @Field(() => SafeInt, { description: 'What it cost, in micro-units.' })
  readonly costMicros!: number;

  @Field(() => Boolean, { description: 'True: the model reported nothing and the tokens were counted here.' })
  readonly estimated!: boolean;
}

@ObjectType({ ...options, description: 'Another node took the run over; nothing shown is lost or repeated.' })
export class RunHandover extends RunEventInterface {
  @Field(() => Int, { description: 'The generation that goes on.' })
  readonly generation!: number;

  @Field(() => Int, { description: 'The answer goes on after this many UTF-16 units.' })
  readonly textLength!: number;
}

@ObjectType({ ...options, description: 'Events that cannot be shown any more; the answer itself is whole.' })
export class RunGap extends RunEventInterface {
  @Field(() => Int, { description: 'First sequence that is missing.' })
  readonly firstMissing!: number;

  @Field(() => Int, { description: 'Last sequence that is missing.' })
  readonly lastMissing!: number;
}

@ObjectType({ ...options, description: 'The last event of a run that ended well.' })
export class RunEnd extends RunEventInterface {
  @Field(() => FinishReasonEnum, { description: 'Why the answer ended.' })
  readonly finishReason!: FinishReason;
}

@ObjectType({ ...options, description: 'The last event of a run that failed; what was shown stays.' })
export class RunError extends RunEventInterface {
  @Field(() => ErrorInfoObject, { description: 'Why it failed.' })
  readonly error!: ErrorInfo;
}

/** All kinds, in the order of the domain's union. */
export const RUN_EVENT_TYPES = [
  RunStart,
  RetrievalEnd,
  ToolCallStart,
  ToolCallEnd,
  TokenDelta,
  CitationAdded,
  UsageReported,
  RunHandover,
  RunGap,
  RunEnd,
  RunError,
];
