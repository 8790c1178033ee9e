import mongoose from 'mongoose';

const { Schema } = mongoose;

/** One chunk with everything that searches it. Only the vectors and token ids of a model may be added to it later. */
export interface ChunkRow {
  /** `<workspace>/<chunk>`: one chunk id may occur in several workspaces. */
  readonly _id: string;
  readonly workspaceId: string;
  readonly chunkId: string;
  readonly documentId: string;
  readonly version: number;
  /** `<document>:<version>`. Searches leave hidden editions out by it, and it never changes. */
  readonly edition: string;
  readonly collectionId: string;
  readonly ordinal: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly headingPath: readonly string[];
  readonly page: number | null;
  readonly contentHash: string;
  /** JSON: field names with dots and dollars are not names of BSON fields that a query could reach. */
  readonly metadata: string;
  /** Equal for equal metadata. */
  readonly metadataKey: string;
  /** What filters look for: `["field"]` and `["field",value]` as JSON. */
  readonly facets: readonly string[];
  /** Values that have an order, for ranges. */
  readonly ordered: readonly { readonly field: string; readonly value: string | number }[];
  /** The terms of `domain/text-analyzer.ts` in order, repeats kept: a term's frequency is how often it stands here. */
  readonly terms: readonly string[];
  readonly termCount: number;
  /** Keys of the models that it was embedded with. */
  readonly models: readonly string[];
  /** By model key; a vector without direction (all zero) is left out. */
  readonly vectors?: Readonly<Record<string, unknown>>;
  readonly tokens?: Readonly<Record<string, readonly number[]>>;
}

/** What readers see of one document. */
export interface DocumentRow {
  /** `<workspace>/<document>`. */
  readonly _id: string;
  /** 0: none. */
  readonly publishedVersion: number;
  readonly chunkCount: number;
  readonly termCount: number;
}

/** What readers see of one workspace, in one document, so that it changes in one step. */
export interface WorkspaceRow {
  readonly _id: string;
  /** Grows with every change of what is visible. */
  readonly change: number;
  /** Grows with every visible version that is replaced or removed. */
  readonly replacements: number;
  /** Of the published chunks. */
  readonly chunkCount: number;
  readonly termCount: number;
  /** By document: versions whose chunks are stored and not to be seen. */
  readonly hidden?: Readonly<Record<string, readonly number[]>>;
}

/** Indexes are made by `migrate-mongo.ts` alone. */
const options = {
  versionKey: false,
  minimize: false,
  autoIndex: false,
  autoCreate: false,
  autoSearchIndex: false,
} as const;
const text = { type: String, required: true } as const;
const count = { type: Number, required: true, default: 0 } as const;

const chunkSchema = new Schema<ChunkRow>(
  {
    _id: text,
    workspaceId: text,
    chunkId: text,
    documentId: text,
    version: count,
    edition: text,
    collectionId: text,
    ordinal: count,
    text: { type: String, default: '' },
    start: count,
    end: count,
    headingPath: [String],
    page: { type: Number, default: null },
    contentHash: text,
    metadata: text,
    metadataKey: text,
    facets: [String],
    ordered: [{ _id: false, field: String, value: Schema.Types.Mixed }],
    terms: [String],
    termCount: count,
    models: [String],
    vectors: Schema.Types.Mixed,
    tokens: Schema.Types.Mixed,
  },
  { ...options, collection: 'chunks' },
);
const documentSchema = new Schema<DocumentRow>(
  { _id: text, publishedVersion: count, chunkCount: count, termCount: count },
  { ...options, collection: 'documents' },
);
const workspaceSchema = new Schema<WorkspaceRow>(
  {
    _id: text,
    change: count,
    replacements: count,
    chunkCount: count,
    termCount: count,
    hidden: Schema.Types.Mixed,
  },
  { ...options, collection: 'workspaces' },
);

export type MongoModels = ReturnType<typeof createModels>;

export function createModels(connection: mongoose.Connection) {
  return {
    chunks: connection.model<ChunkRow>('Chunk', chunkSchema),
    documents: connection.model<DocumentRow>('Document', documentSchema),
    workspaces: connection.model<WorkspaceRow>('Workspace', workspaceSchema),
  };
}
