import { DEFAULT_RETRY, retryDelayMs, sleep } from './backoff.ts';
import type { Connection } from './connection.ts';
import { MultiDbError, networkError, userError } from './errors.ts';
import { CreateUploadDocument } from './generated/operations.ts';
import type { Upload } from './ingest-source.ts';

const MEBIBYTE = 1024 * 1024;
/** From this size on a file is sent in steps, and goes on where a lost connection left it. */
const RESUMABLE_BYTES_MIN = 8 * MEBIBYTE;
const STEP_BYTES = 8 * MEBIBYTE;
/** A small file is sent anew. */
const WHOLE_RETRY = { ...DEFAULT_RETRY, attemptCountMax: 2 };
/** Failures in a row: every byte that arrives in between starts the count again. */
const STEP_RETRY = { ...DEFAULT_RETRY, attemptCountMax: 8 };

/** Sends a file and returns the id to ingest it by. */
export async function sendUpload(
  connection: Connection,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (upload.body.size >= RESUMABLE_BYTES_MIN) return sendInSteps(connection, upload, signal);
  for (let failureCount = 1; ; failureCount += 1) {
    try {
      return await sendWhole(connection, upload, signal);
    } catch (error) {
      await waitBeforeRetry(error, failureCount, WHOLE_RETRY, signal);
    }
  }
}

/** An upload's address is good for one PUT, so after a lost connection the next attempt asks for a new one. */
async function sendWhole(
  connection: Connection,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { body, mediaType } = upload;
  const { uploadId, url } = await create(connection, upload, signal);
  const headers = { 'content-type': mediaType };
  const response = await connection.transfer('PUT', url, { body, headers, signal });
  if (response.ok) return uploadId;
  throw failureOf(response);
}

async function sendInSteps(
  connection: Connection,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { uploadId, url } = await create(connection, upload, signal);
  let offset = 0;
  let failureCount = 0;
  while (offset < upload.body.size) {
    try {
      // After a failure nobody here knows how much came.
      const known = failureCount === 0 ? offset : await askOffset(connection, url, signal);
      if (known > offset) failureCount = 0;
      offset = known;
      if (offset < upload.body.size) offset = await sendStep(connection, { upload, url, offset }, signal);
      failureCount = 0;
    } catch (error) {
      failureCount += 1;
      await waitBeforeRetry(error, failureCount, STEP_RETRY, signal);
    }
  }
  return uploadId;
}

interface Step {
  readonly upload: Upload;
  readonly url: string;
  readonly offset: number;
}

async function sendStep(
  connection: Connection,
  { upload, url, offset }: Step,
  signal: AbortSignal | undefined,
): Promise<number> {
  const body = upload.body.slice(offset, offset + STEP_BYTES);
  const headers = { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
  const response = await connection.transfer('PATCH', url, { body, headers, signal });
  // The server still reads what a lost connection left, so that our offset is not its own any more.
  if (response.status === 409) throw networkError('The server has other bytes than these.');
  return offsetOf(response);
}

async function askOffset(connection: Connection, url: string, signal: AbortSignal | undefined) {
  return offsetOf(await connection.transfer('HEAD', url, { signal }));
}

function offsetOf(response: Response): number {
  if (!response.ok) throw failureOf(response);
  const offset = Number(response.headers.get('upload-offset') ?? Number.NaN);
  if (!Number.isSafeInteger(offset)) throw networkError('The server does not say how much came.');
  return offset;
}

async function create(
  connection: Connection,
  { body, fileName, mediaType }: Upload,
  signal: AbortSignal | undefined,
): Promise<{ readonly uploadId: string; readonly url: string }> {
  const input = { fileName, mediaType, size: body.size };
  const { createUpload } = await connection.mutate(
    CreateUploadDocument,
    { input },
    { signal, repeatable: true },
  );
  if (createUpload.__typename !== 'CreateUploadSuccess') throw userError(createUpload);
  return createUpload;
}

function failureOf({ status }: Response): MultiDbError {
  if (status >= 500) return networkError(`The upload failed (HTTP ${status}).`);
  if (status === 413) return new MultiDbError('DOCUMENT_TOO_LARGE', 'The file is too large.');
  return new MultiDbError('UPLOAD_REFUSED', `The upload was refused (HTTP ${status}).`);
}

/** Rethrows what another attempt would not change, or too many have not. */
async function waitBeforeRetry(
  error: unknown,
  failureCount: number,
  retry: typeof DEFAULT_RETRY,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lost = error instanceof MultiDbError && error.code === 'NETWORK';
  const delayMs = lost ? retryDelayMs(error, failureCount, retry) : undefined;
  if (delayMs === undefined) throw error;
  await sleep(delayMs, signal);
}
