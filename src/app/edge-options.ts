import type { Config } from './config.ts';
import type { EdgeOptions } from './http/options.ts';

/** The settings that concern HTTP, sockets and operations. */
export function edgeOptions(config: Config): EdgeOptions {
  return {
    production: config.production,
    introspection: config.INTROSPECTION,
    playground: config.PLAYGROUND,
    publicUrl: config.PUBLIC_URL,
    trustProxy: config.TRUST_PROXY ?? false,
    allowedOrigins: config.ALLOWED_ORIGINS,
    operations: {
      depthMax: config.QUERY_DEPTH_MAX,
      aliasCountMax: config.QUERY_ALIASES_MAX,
      tokenCountMax: config.QUERY_TOKENS_MAX,
      directiveCountMax: config.QUERY_DIRECTIVES_MAX,
      rootFieldCountMax: config.QUERY_ROOT_FIELDS_MAX,
      costMax: config.QUERY_COST_MAX,
      listLengthMax: config.QUERY_LIST_LENGTH_MAX,
      variableNodeCountMax: config.QUERY_VARIABLE_NODES_MAX,
    },
    requestBytesMax: config.REQUEST_BYTES_MAX,
    anonymousRequestBytesMax: config.ANONYMOUS_REQUEST_BYTES_MAX,
    requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
    frameBytesMax: config.SOCKET_FRAME_BYTES_MAX,
    initTimeoutMs: config.SOCKET_INIT_TIMEOUT_MS,
    operationsPerSocketMax: config.SOCKET_OPERATIONS_MAX,
    socketsPerPrincipalMax: config.SOCKETS_PER_USER_MAX,
    socketBufferedBytesMax: config.SOCKET_BUFFERED_BYTES_MAX,
    stallTimeoutMs: config.SOCKET_STALL_TIMEOUT_MS,
    sweepMs: config.SOCKET_SWEEP_MS,
  };
}
