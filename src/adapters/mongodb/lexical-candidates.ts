import { z } from 'zod';
import { type ChunkId, trustedId } from '../../domain/ids.ts';
import { type Clause, toCompound, toMatch } from './clauses.ts';
import { LEXICAL_INDEX } from './index-definitions.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { type CompiledSelection, toRangeMatch } from './selection.ts';

/** A chunk with what BM25 needs to know about it. */
export interface LexicalCandidate {
  readonly chunkId: ChunkId;
  readonly termCount: number;
  /** The asked terms as they occur in it, repeats kept. */
  readonly hits: readonly string[];
}

const candidatesSchema = z.array(
  z.object({
    chunkId: z.string().transform((id) => trustedId('chk', id)),
    termCount: z.number(),
    hits: z.array(z.string()),
  }),
);

/** Finds chunks by terms; scores nothing. */
export class LexicalCandidates {
  readonly #connection: MongoConnection;
  readonly #models: MongoModels;

  constructor(connection: MongoConnection, models: MongoModels) {
    this.#connection = connection;
    this.#models = models;
  }

  /** All chunks with any of `added` and none of `known`, from the term index. */
  byTerms(
    { clauses, ranges }: CompiledSelection,
    terms: readonly string[],
    { added, known }: { readonly added: readonly string[]; readonly known: readonly string[] },
  ): Promise<readonly LexicalCandidate[]> {
    const { $and } = toMatch(clauses);
    const lacking = known.length === 0 ? [] : [{ terms: { $nin: known } }];
    const match = { $and: [...$and, { terms: { $in: added } }, ...lacking, ...ranges.map(toRangeMatch)] };
    return this.#run([{ $match: match }], terms);
  }

  /** The chunks that Lucene ranks highest for the terms, by the statistics of its whole index. */
  bySearch(
    clauses: readonly Clause[],
    terms: readonly string[],
    limit: number,
  ): Promise<readonly LexicalCandidate[]> {
    const compound = { ...toCompound(clauses), must: [{ text: { path: 'terms', query: terms } }] };
    return this.#run([{ $search: { index: LEXICAL_INDEX, compound } }, { $limit: limit }], terms);
  }

  /** Given chunks, whether a term occurs in them or not. */
  byId(
    clauses: readonly Clause[],
    terms: readonly string[],
    rowIds: readonly string[],
  ): Promise<readonly LexicalCandidate[]> {
    const { $and } = toMatch(clauses);
    return this.#run([{ $match: { $and: [{ _id: { $in: rowIds } }, ...$and] } }], terms);
  }

  async #run(
    stages: readonly Record<string, unknown>[],
    terms: readonly string[],
  ): Promise<readonly LexicalCandidate[]> {
    const cond = { $in: ['$$term', { $literal: terms }] };
    const hits = { $filter: { input: '$terms', as: 'term', cond } };
    const project = { $project: { _id: 0, chunkId: 1, termCount: 1, hits } };
    const rows = await this.#connection.run(() =>
      this.#models.chunks
        .aggregate([...stages, project] as never[])
        .option({ maxTimeMS: this.#connection.operationTimeoutMs })
        .exec(),
    );
    return candidatesSchema.parse(rows);
  }
}
