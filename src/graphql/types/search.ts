import { Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { Fusion, Reranking, RetrievalMode, RetrievalStage } from '../../domain/retrieval.ts';
import { FusionEnum, RerankingEnum, RetrievalModeEnum, RetrievalStageEnum } from '../enums.ts';
import { JSONObject } from '../scalars.ts';
import { DocumentObject } from './document.ts';

@InputType({ description: 'What to look for.' })
export class SearchInput {
  @Field(() => String, { description: 'A question or key words.' })
  readonly query!: string;

  @Field(() => Int, { nullable: true, description: 'How many passages; default 20, at most 100.' })
  readonly first?: number | null;

  @Field(() => [ID], { nullable: true, description: 'Where to look; default: all collections.' })
  readonly collectionIds?: string[] | null;

  @Field(() => JSONObject, {
    nullable: true,
    description: '`{ field: value | { eq in gte lte exists } }` on metadata; all must hold.',
  })
  readonly filter?: Record<string, unknown> | null;

  @Field(() => RetrievalModeEnum, { nullable: true, description: 'What finds and ranks; default HYBRID.' })
  readonly mode?: RetrievalMode | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only the best passage of each document, to list documents; default false.',
  })
  readonly onePerDocument?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Without passages that repeat a better one nearly word for word; default false.',
  })
  readonly distinct?: boolean | null;

  @Field(() => FusionEnum, { nullable: true, description: 'How the legs are mixed; default MIN_MAX.' })
  readonly fusion?: Fusion | null;

  @Field(() => RerankingEnum, {
    nullable: true,
    description: 'What orders the best 50 anew; default CROSS_ENCODER where one is configured, else NONE.',
  })
  readonly reranking?: Reranking | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Also tell what each stage of the search knew; default false.',
  })
  readonly explain?: boolean | null;
}

@ObjectType('RetrievalCandidate', { simpleResolvers: true, description: 'A chunk as one stage scored it.' })
export class RetrievalCandidateObject {
  @Field(() => ID, { description: 'The stored unit of text.' })
  readonly chunkId!: string;

  @Field(() => Float, { description: 'Comparable within one stage of one search only.' })
  readonly score!: number;
}

@ObjectType('RetrievalStage', { simpleResolvers: true, description: 'What one stage of a search knew.' })
export class RetrievalStageObject {
  @Field(() => RetrievalStageEnum, { description: 'Which stage.' })
  readonly name!: RetrievalStage['name'];

  @Field(() => Int, { description: 'How many candidates it had.' })
  readonly candidateCount!: number;

  @Field(() => [RetrievalCandidateObject], { description: 'Its best ones, at most 50, best first.' })
  readonly candidates!: readonly RetrievalCandidateObject[];
}

@ObjectType('Passage', {
  simpleResolvers: true,
  description: 'A retrieved piece of a document, with its scores.',
})
export class PassageObject {
  @Field(() => Float, { description: 'Fused score from 0 to 1; comparable within one search only.' })
  readonly score!: number;

  @Field(() => Float, { description: 'What the words contributed, before fusion.' })
  readonly lexicalScore!: number;

  @Field(() => Float, { description: 'What the meaning contributed, before fusion.' })
  readonly vectorScore!: number;

  @Field(() => ID, { description: 'The stored unit of text.' })
  readonly chunkId!: string;

  @Field(() => String, { description: "The document's text from start to end, unchanged." })
  readonly text!: string;

  @Field(() => Int, { description: 'Where it begins, in UTF-16 units.' })
  readonly start!: number;

  @Field(() => Int, { description: 'Where it ends, exclusive, in UTF-16 units.' })
  readonly end!: number;

  @Field(() => [String], { description: 'The headings above it, outermost first.' })
  readonly headingPath!: readonly string[];

  @Field(() => Int, { nullable: true, description: 'The page it begins on, from 1; null without pages.' })
  readonly page!: number | null;

  @Field(() => Int, { description: 'The version of the document that the offsets are about.' })
  readonly documentVersion!: number;

  @Field(() => DocumentObject, { description: 'The document.' })
  readonly document!: DocumentObject;
}

@ObjectType('SearchPayload', { simpleResolvers: true, description: 'What a search found.' })
export class SearchPayloadObject {
  @Field(() => [PassageObject], { description: 'Best first.' })
  readonly passages!: readonly PassageObject[];

  @Field(() => [RetrievalStageObject], {
    nullable: true,
    description: 'How it was found, stage by stage; null unless asked for.',
  })
  readonly stages!: readonly RetrievalStageObject[] | null;
}
