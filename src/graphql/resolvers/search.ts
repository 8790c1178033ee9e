import { Arg, Ctx, Query, Resolver } from 'type-graphql';
import type { Document, Passage } from '../../domain/document.ts';
import type { RetrievalStage } from '../../domain/retrieval.ts';
import type { RequestContext } from '../context.ts';
import { collectionIds, given, pageSize, shortText } from '../inputs.ts';
import { SearchInput, SearchPayloadObject } from '../types/search.ts';

const QUERY_LENGTH_MAX = 4_000;
const EXPLAINED_COUNT = 50;

function toPassage(passage: Passage, document: Document) {
  const { chunk, score, lexicalScore, vectorScore } = passage;
  const { id: chunkId, text, start, end, headingPath, page, documentVersion } = chunk;
  const place = { chunkId, text, start, end, headingPath, page, documentVersion };
  return { score, lexicalScore, vectorScore, ...place, document };
}

interface SearchPayload {
  readonly passages: readonly ReturnType<typeof toPassage>[];
  readonly stages: readonly ReturnType<typeof toStage>[] | null;
}

function optionsOf({ mode, onePerDocument, distinct, fusion, reranking }: SearchInput) {
  return {
    mode: given(mode),
    onePerDocument: given(onePerDocument),
    distinct: given(distinct),
    fusion: given(fusion),
    reranking: given(reranking),
  };
}

function toStage({ name, candidates }: RetrievalStage) {
  return { name, candidateCount: candidates.length, candidates: candidates.slice(0, EXPLAINED_COUNT) };
}

@Resolver()
export class SearchResolver {
  @Query(() => SearchPayloadObject, { description: 'Finds passages by words and by meaning.' })
  async search(
    @Arg('input', () => SearchInput, { description: 'What to look for.' }) input: SearchInput,
    @Ctx() context: RequestContext,
  ): Promise<SearchPayload> {
    const stages: RetrievalStage[] = [];
    const found = await context.services.search.search(context.requirePrincipal(), {
      query: shortText('query', input.query, QUERY_LENGTH_MAX),
      first: pageSize(input.first),
      collectionIds: collectionIds(input.collectionIds),
      filter: given(input.filter),
      ...optionsOf(input),
      onStage: input.explain ? (stage) => stages.push(stage) : undefined,
    });
    return {
      passages: await withDocuments(found, context),
      stages: input.explain ? stages.map(toStage) : null,
    };
  }
}

/** A document deleted since the index was asked takes its passages with it. */
async function withDocuments(found: readonly Passage[], context: RequestContext) {
  const documents = await Promise.all(found.map(({ chunk }) => context.findDocument(chunk.documentId)));
  return found.flatMap((passage, index) => {
    const document = documents[index];
    return document ? [toPassage(passage, document)] : [];
  });
}
