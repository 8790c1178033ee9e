import { DEFAULT_OPERATION_LIMITS, type OperationLimits } from '../../graphql/operation-limits.ts';

/** Everything about the edge that can be set. Bytes and milliseconds, as the last word of a name says. */
export interface EdgeOptions {
  /** Hides the schema: no introspection, no suggestions. */
  readonly production: boolean;
  /** Default: everywhere but in production. */
  readonly introspection?: boolean | undefined;
  /** GraphiQL at `/playground`. Default: everywhere but in production. */
  readonly playground?: boolean | undefined;
  /** Where clients reach this server; default: as each request says by its Host header. */
  readonly publicUrl?: string | undefined;
  /** Believe `x-forwarded-*`: only behind a proxy that sets them. */
  readonly trustProxy: boolean;
  /** Origins of browsers that may call from other hosts; `*`: any. No cookies are used, so nothing rides along. */
  readonly allowedOrigins: readonly string[];
  readonly operations: OperationLimits;
  readonly requestBytesMax: number;
  /** A login needs no more, and nobody unknown may make us hold megabytes. */
  readonly anonymousRequestBytesMax: number;
  /** For receiving a whole request. */
  readonly requestTimeoutMs: number;
  readonly frameBytesMax: number;
  readonly initTimeoutMs: number;
  readonly operationsPerSocketMax: number;
  readonly socketsPerPrincipalMax: number;
  /** A socket holds no more than about this; then its position in the feed waits. */
  readonly socketBufferedBytesMax: number;
  /** How long a socket may stay that full before it is closed, to come back with its cursor. */
  readonly stallTimeoutMs: number;
  /** How often open sockets are pinged and their principals checked again. */
  readonly sweepMs: number;
}

const MEBIBYTE = 1024 * 1024;

export const DEFAULT_EDGE_OPTIONS: EdgeOptions = {
  production: false,
  trustProxy: false,
  allowedOrigins: [],
  operations: DEFAULT_OPERATION_LIMITS,
  requestBytesMax: 12 * MEBIBYTE,
  anonymousRequestBytesMax: 64 * 1024,
  requestTimeoutMs: 60_000,
  frameBytesMax: 12 * MEBIBYTE,
  initTimeoutMs: 5_000,
  operationsPerSocketMax: 64,
  socketsPerPrincipalMax: 64,
  socketBufferedBytesMax: MEBIBYTE,
  stallTimeoutMs: 30_000,
  sweepMs: 15_000,
};
