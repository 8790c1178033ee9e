import { createHash } from 'node:crypto';
import type { Chunk, Document, DocumentVersion, IngestionStage } from '../../domain/document.ts';
import { DomainError } from '../../domain/errors.ts';
import type { BlobStore } from '../../domain/ports/chunk-index.ts';
import type {
  DocumentLoader,
  DocumentProgressLog,
  DocumentRepository,
  Job,
  LoadedText,
} from '../../domain/ports/documents.ts';
import { documentKey, originalKey, stagingKey, structureKey, textKey } from './blob-keys.ts';
import { ChunkWriter, type ChunkWriterDeps } from './chunk-writer.ts';
import { toChunk } from './chunks.ts';
import { shortTitle } from './fallback-title.ts';
import { loadedStructure, textOfBlob } from './loaded-text.ts';
import type { Piece } from './splitter.ts';
import type { Split } from './threaded-splitter.ts';

export interface IngestionDeps extends ChunkWriterDeps {
  readonly documents: DocumentRepository;
  readonly progress: DocumentProgressLog;
  readonly blobs: BlobStore;
  readonly loader: DocumentLoader;
  readonly split: Split;
}
export type IngestJob = Extract<Job, { kind: 'ingest' }>;
type StoredVersion = DocumentVersion & { readonly blobKey: string };

/** One write to the index, one request to an embedding server, one slice of this thread's time. */
const BATCH_SIZE = 64;
/** Share of the whole way at which a stage begins. Embedding, where the time goes, has the longest part. */
const STAGE_START: Readonly<Record<IngestionStage, number>> = {
  load: 0,
  split: 0.1,
  embed: 0.15,
  index: 0.9,
  verify: 0.95,
};
/** Batches tell of themselves in steps of at least this share. */
const PROGRESS_STEP = 0.05;
const PROBE_INTERVAL_MS = 100;
const PROBE_INTERVAL_MAX_MS = 2_000;
const PROBE_TIMEOUT_MS = 30_000;
const PROGRESS_READ_MAX = 10_000;

/** The document was removed while it was worked on: not a failure. */
class DocumentGone extends Error {}
/** Somebody cancelled the version while it was worked on: not a failure, and told already. */
class Cancelled extends Error {}

/** How far a claim has come; the queue keeps it. */
export interface StageReport {
  /** What lies before it was done by an earlier claim, and is not done again. */
  readonly from: IngestionStage;
  at(stage: IngestionStage): void;
}

/**
 * A version's way from bytes to searchable chunks. Every stage may be repeated after a crash at any point: blobs have
 * fixed names, chunks fixed ids, and what was embedded is found again.
 */
export class Ingestion {
  readonly #deps: IngestionDeps;
  readonly #writer: ChunkWriter;

  constructor(deps: IngestionDeps) {
    this.#deps = deps;
    this.#writer = new ChunkWriter(deps);
  }

  /** Resolves also when there is nothing left to do: removed, superseded, done before. */
  async run(job: IngestJob, stages: StageReport, signal: AbortSignal): Promise<void> {
    try {
      await this.#run(job, stages, signal);
    } catch (error) {
      // What is embedded stays, unseen: a retry goes on from there, the next version or a removal clears it.
      if (error instanceof Cancelled) return;
      if (await this.#isStillThere(job)) throw error;
      await this.purge(job);
    }
  }

  /** Leaves nothing of a removed document: chunks, vectors, original and text. */
  async purge({ scope, documentId }: Job): Promise<void> {
    const { chunks, blobs } = this.#deps;
    await chunks.remove(scope, documentId);
    await blobs.remove(scope, documentKey(documentId));
    await blobs.remove(scope, stagingKey(documentId));
  }

  async #run(job: IngestJob, stages: StageReport, signal: AbortSignal): Promise<void> {
    const { scope, documentId, version } = job;
    const { documents } = this.#deps;
    const document = await documents.find(scope, documentId);
    const stored = await documents.findVersion(scope, documentId, version);
    if (document === undefined || stored === undefined) throw new DocumentGone();
    if (document.activeVersion > version) return;
    if (document.activeVersion === version) {
      await this.#writer.complete(scope, { ...document, documentId, version }, signal);
      if (!(await this.#wasToldDone(job))) await this.#tellDone(job, document.chunkCount);
      return;
    }
    const begun = { version, status: 'PROCESSING', error: null, now: this.#deps.clock.now() } as const;
    if (!(await documents.setStatus(scope, documentId, begun))) await this.#checkWanted(job);
    const isLoaded = stages.from !== 'load';
    const loaded =
      (isLoaded ? await this.#findLoaded(job) : undefined) ?? (await this.#load(job, stored, signal));
    stages.at('split');
    const pieces = await this.#split(job, loaded, signal);
    stages.at('embed');
    const last = await this.#embed(job, { document, text: loaded.text, pieces }, signal);
    stages.at('index');
    await this.#publish(
      job,
      { document, last, chunkCount: pieces.length, title: titleFor(document, stored, loaded) },
      signal,
    );
  }

  async #load(job: IngestJob, stored: StoredVersion, signal: AbortSignal): Promise<LoadedText> {
    await this.#tell(job, 'load');
    const { scope, documentId, version } = job;
    const { blobs, loader } = this.#deps;
    const bytes = await this.#original(job, stored);
    const { mediaType, fileName } = stored;
    const loaded = await loader.load({ bytes, mediaType, fileName }, signal);
    const { text, ...structure } = loaded;
    await blobs.put(scope, textKey(documentId, version), Buffer.from(text));
    await blobs.put(scope, structureKey(documentId, version), Buffer.from(JSON.stringify(structure)));
    return loaded;
  }

  /** What an earlier claim loaded. The structure is written last: where it is, the text is whole. */
  async #findLoaded({ scope, documentId, version }: IngestJob): Promise<LoadedText | undefined> {
    const { blobs } = this.#deps;
    const structure = await blobs.get(scope, structureKey(documentId, version));
    const text = structure && (await blobs.get(scope, textKey(documentId, version)));
    if (structure === undefined || text === undefined) return undefined;
    return {
      text: textOfBlob(text),
      ...loadedStructure.parse(JSON.parse(Buffer.from(structure).toString())),
    };
  }

  /** Moves the submitted bytes to where the document keeps them; a repeat finds them there. */
  async #original({ scope, documentId, version }: IngestJob, stored: StoredVersion): Promise<Uint8Array> {
    const { blobs } = this.#deps;
    const key = originalKey(documentId, version);
    const kept = await blobs.get(scope, key);
    const bytes = kept ?? (await blobs.get(scope, stored.blobKey));
    const isWhole =
      bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === stored.contentHash;
    if (!isWhole) {
      throw new DomainError(
        'BAD_USER_INPUT',
        'The submitted bytes are no longer here; submit the document again.',
      );
    }
    if (kept === undefined) await blobs.put(scope, key, bytes);
    await blobs.remove(scope, stored.blobKey);
    return bytes;
  }

  async #split(job: IngestJob, loaded: LoadedText, signal: AbortSignal): Promise<readonly Piece[]> {
    await this.#tell(job, 'split');
    const pieces = await this.#deps.split(loaded, signal);
    if (pieces.length === 0) throw new DomainError('BAD_USER_INPUT', 'The document has no text.');
    return pieces;
  }

  /** Each batch is stored as soon as it is embedded, so that a crash costs one batch. Returns the last chunk. */
  async #embed(
    job: IngestJob,
    { document, text, pieces }: { document: Document; text: string; pieces: readonly Piece[] },
    signal: AbortSignal,
  ): Promise<Chunk | undefined> {
    await this.#tell(job, 'embed');
    let told = STAGE_START.embed;
    let last: Chunk | undefined;
    for (let start = 0; start < pieces.length; start += BATCH_SIZE) {
      signal.throwIfAborted();
      const batch = pieces
        .slice(start, start + BATCH_SIZE)
        .map((piece) => toChunk(document, job.version, text, piece));
      await this.#writer.write(job.scope, batch, signal);
      last = batch.at(-1);
      const done = (start + batch.length) / pieces.length;
      const progress = STAGE_START.embed + done * (STAGE_START.index - STAGE_START.embed);
      if (progress - told < PROGRESS_STEP) continue;
      told = progress;
      await this.#tell(job, 'embed', progress);
      await this.#checkWanted(job);
    }
    return last;
  }

  /** Index first, row last: READY means that a search has found it. Until then the row shows the older version. */
  async #publish(
    job: IngestJob,
    {
      document,
      last,
      chunkCount,
      title,
    }: { document: Document; last: Chunk | undefined; chunkCount: number; title: string | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const { scope, documentId, version } = job;
    const { documents, chunks, clock } = this.#deps;
    await this.#tell(job, 'index');
    signal.throwIfAborted();
    await this.#checkWanted(job);
    const written = { ...document, documentId, version };
    await this.#writer.complete(scope, written, signal);
    await chunks.publish(scope, documentId, version);
    await this.#writer.complete(scope, written, signal);
    await this.#tell(job, 'verify');
    if (last !== undefined) await this.#verify(job, last, signal);
    const published = await documents.publish(scope, documentId, {
      version,
      chunkCount,
      now: clock.now(),
      title,
    });
    if (published) {
      await this.#tellDone(job, chunkCount);
      return;
    }
    if (!(await this.#isStillThere(job))) throw new DocumentGone();
    await chunks.remove(scope, documentId, version);
  }

  /** Resolves when a search finds the last chunk: some indexes show what they were given only after a while. */
  async #verify(job: IngestJob, last: Chunk, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const deadline = clock.now() + PROBE_TIMEOUT_MS;
    for (let waitMs = PROBE_INTERVAL_MS; ; waitMs = Math.min(waitMs * 2, PROBE_INTERVAL_MAX_MS)) {
      signal.throwIfAborted();
      if (await this.#writer.isFound(job.scope, last)) return;
      if (!(await this.#isStillThere(job))) throw new DocumentGone();
      if (clock.now() >= deadline) {
        throw new DomainError('STORE_UNAVAILABLE', 'The index does not find the document yet.');
      }
      await clock.sleep(waitMs, signal);
    }
  }

  /** A crash may have come between the last word and the end of the job. */
  async #wasToldDone({ scope, documentId, version }: IngestJob): Promise<boolean> {
    const events = await this.#deps.progress.read(scope, documentId, -1, PROGRESS_READ_MAX);
    return events.some((event) => event.version === version && event.stage === 'done');
  }

  async #tellDone({ scope, documentId, version }: IngestJob, chunkCount: number): Promise<void> {
    const { progress } = this.#deps;
    const message = chunkCount === 1 ? '1 chunk' : `${chunkCount} chunks`;
    await progress.append(scope, documentId, {
      version,
      stage: 'done',
      status: 'READY',
      progress: 1,
      message,
    });
  }

  /** Told `index` before: from there on nobody can cancel. */
  async #checkWanted({ scope, documentId, version }: IngestJob): Promise<void> {
    const document = await this.#deps.documents.find(scope, documentId);
    if (document === undefined) throw new DocumentGone();
    if (document.version === version && document.status === 'FAILED') throw new Cancelled();
  }

  /** Throws NOT_FOUND when the document is gone, which ends the work on it. */
  async #tell(
    { scope, documentId, version }: IngestJob,
    stage: IngestionStage,
    at = STAGE_START[stage],
  ): Promise<void> {
    const event = { version, stage, status: 'PROCESSING', progress: at, message: null } as const;
    await this.#deps.progress.append(scope, documentId, event);
  }

  async #isStillThere({ scope, documentId }: IngestJob): Promise<boolean> {
    return (await this.#deps.documents.find(scope, documentId)) !== undefined;
  }
}

/** A file that nobody gave a title is called by its own, once it is read. */
function titleFor(document: Document, stored: StoredVersion, loaded: LoadedText): string | undefined {
  const isFallback = stored.fileName !== null && document.title === shortTitle(stored.fileName);
  const title = isFallback ? shortTitle(loaded.title ?? '') : '';
  return title === '' ? undefined : title;
}
