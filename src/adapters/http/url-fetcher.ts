import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { DomainError } from '../../domain/errors.ts';
import type { FetchedUrl, UrlFetcher } from '../../domain/ports/url-fetcher.ts';
import { pinnedLookup, type Resolve, systemResolve } from './pinned-lookup.ts';
import { isPublicAddress } from './public-address.ts';

const REDIRECTS_MAX = 5;
const TIMEOUT_MS = 30_000;
const HEADER_BYTES_MAX = 16 * 1024;
const USER_AGENT = 'multidb-ai';

export interface HttpUrlFetcherOptions {
  /** For the whole of it, redirects included. */
  readonly timeoutMs?: number;
  readonly isAllowedAddress?: (address: string) => boolean;
  readonly resolve?: Resolve;
}

/** Reads a URL over a connection of its own to an address that was checked and pinned before connecting. */
export class HttpUrlFetcher implements UrlFetcher {
  readonly #timeoutMs: number;
  readonly #isAllowedAddress: (address: string) => boolean;
  readonly #resolve: Resolve;

  constructor(options: HttpUrlFetcherOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#isAllowedAddress = options.isAllowedAddress ?? isPublicAddress;
    this.#resolve = options.resolve ?? systemResolve;
  }

  async fetch(url: string, bytesMax: number, signal: AbortSignal): Promise<FetchedUrl> {
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    const abort = AbortSignal.any([signal, deadline]);
    try {
      return await this.#follow(parse(url), bytesMax, abort);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (deadline.aborted) throw new DomainError('DEADLINE_EXCEEDED', 'The URL did not answer in time.');
      if (error instanceof DomainError) throw error;
      throw new DomainError('STORE_UNAVAILABLE', 'The URL could not be read.', { cause: error });
    }
  }

  async #follow(first: URL, bytesMax: number, signal: AbortSignal): Promise<FetchedUrl> {
    let url = first;
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
      const response = await this.#get(url, signal);
      const location = isRedirect(response.statusCode) ? response.headers.location : undefined;
      if (location === undefined) return await read(response, url, bytesMax);
      response.destroy();
      const next = parse(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw refused('The URL redirects from https to http.');
      }
      url = next;
    }
    throw refused('The URL redirects too often.');
  }

  async #get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const lookup = await pinnedLookup(url.hostname, this.#resolve, this.#isAllowedAddress);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const headers = { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', accept: '*/*' };
      // No shared agent: a kept connection may lead to an address that was checked for somebody else.
      send(url, { agent: false, lookup, signal, headers, maxHeaderSize: HEADER_BYTES_MAX })
        .once('response', resolve)
        .once('error', reject)
        .end();
    });
  }
}

function parse(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null) throw refused('The URL is malformed.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused('Only http and https URLs can be read.');
  }
  if (url.username !== '' || url.password !== '') throw refused('The URL must not carry credentials.');
  return url;
}

async function read(response: IncomingMessage, url: URL, bytesMax: number): Promise<FetchedUrl> {
  const { statusCode = 0, headers } = response;
  if (statusCode !== 200) {
    response.destroy();
    if (statusCode >= 500 || statusCode === 429) throw new Error(`status ${statusCode}`);
    throw refused(`The URL answers with status ${statusCode}.`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of decoded(response)) {
    length += part.length;
    if (length > bytesMax) {
      response.destroy();
      throw new DomainError('LIMIT_EXCEEDED', `The URL holds more than ${bytesMax} bytes.`);
    }
    parts.push(part);
  }
  return { bytes: Buffer.concat(parts), mediaType: headers['content-type'] ?? '', fileName: fileNameOf(url) };
}

/** Some servers compress unasked. What is counted is the unpacked length. */
function decoded(response: IncomingMessage): AsyncIterable<Uint8Array> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return response;
  const decoder = decoderOf(encoding);
  response.once('error', (error) => decoder.destroy(error));
  return response.pipe(decoder);
}

function decoderOf(encoding: string): Readable & NodeJS.WritableStream {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip();
  if (encoding === 'br') return createBrotliDecompress();
  if (encoding === 'deflate') return createInflate();
  throw refused('The URL answers in an unknown content encoding.');
}

function fileNameOf(url: URL): string | null {
  const segment = url.pathname.split('/').at(-1) ?? '';
  try {
    return segment === '' ? null : decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function isRedirect(status: number | undefined): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function refused(message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', message);
}
