import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../domain/errors.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

const count = (fallback: number, max = 1_000_000_000) =>
  z.coerce.number().int().min(1).max(max).default(fallback);
const micros = z.coerce.number().int().min(0).default(0);
const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();
const text = (shape: RegExp, example: string) =>
  z.string().regex(shape, `must look like ${example}.`).optional();
const storeUrl = (shape: RegExp, example: string) =>
  text(shape, example).refine((url) => url === undefined || URL.canParse(url), {
    error: `must look like ${example}.`,
    abort: true,
  });
/** Separated by commas. */
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  );

/**
 * Every setting of the system, with its default. The names are those of the environment; README.md explains each.
 * Milliseconds, bytes, tokens and micro-units, as the last word of a name says.
 */
export const settingsSchema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  DATA_DIR: z.string().min(1).default('./data'),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  TRUST_PROXY: flag,
  ALLOWED_ORIGINS: list,
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  DATABASE_URL: storeUrl(/^postgres(ql)?:\/\/[^?]*\/[^/?]/, 'postgresql://user:password@host:5432/database'),
  // Both may name several hosts, which is no URL to others; their adapters read all of it.
  MONGODB_URL: text(/^mongodb(\+srv)?:\/\/./, 'mongodb://user:password@host:27017/database'),
  SCYLLA_URL: text(/^scylla:\/\/./, 'scylla://user:password@host:9042/keyspace?dc=datacenter1'),
  REDIS_URL: storeUrl(/^rediss?:\/\/[^/?]/, 'redis://user:password@host:6379'),
  /** 32 random bytes in base64 have 44 characters; whoever types a word instead should notice. */
  SECRET_KEY: z.string().min(32).optional(),
  SECRETS_DIR: z.string().min(1).optional(),
  STORE_OPEN_TIMEOUT_MS: count(15_000),
  DATABASE_POOL_SIZE_MAX: count(12, 500),
  DATABASE_STATEMENT_TIMEOUT_MS: count(15_000),

  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  OPENAI_API_KEY: z.string().min(1).optional(),
  MODEL: z.string().min(1).optional(),
  MODEL_INPUT_MICROS_PER_MILLION: micros,
  MODEL_OUTPUT_MICROS_PER_MILLION: micros,
  MODEL_FIRST_TOKEN_TIMEOUT_MS: count(60_000),
  MODEL_IDLE_TIMEOUT_MS: count(30_000),
  MODEL_RETRIES_MAX: z.coerce.number().int().min(0).max(10).default(3),
  MODEL_RETRY_AFTER_MAX_MS: count(20_000),
  MODEL_TEMPERATURE: z.coerce.number().min(0).max(2).optional(),
  EMBEDDER: z.string().min(1).optional(),
  EMBEDDING_MODEL: z.string().min(1).optional(),
  EMBEDDING_DIMENSIONS: count(1536, 8192),
  EMBEDDING_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  EMBEDDING_API_KEY: z.string().min(1).optional(),
  RERANK_URL: z.url({ protocol: /^https?$/ }).optional(),
  RERANK_MODEL: z.string().min(1).optional(),
  RERANK_API_KEY: z.string().min(1).optional(),
  RERANK_TIMEOUT_MS: count(3_000),
  EMBEDDING_THREAD_COUNT: z.coerce.number().int().min(0).max(256).default(0),
  MODELS_DIR: z.string().min(1).optional(),
  MODEL_HUB_URL: z.url({ protocol: /^https?$/ }).optional(),
  EMBEDDERS_OFFERED: list,
  EMBEDDING_SHADOW_PERCENT: z.coerce.number().int().min(0).max(100).default(20),
  EMBEDDING_GATE_QUERIES_MIN: count(50),
  EMBEDDING_GATE_RECALL_MIN: z.coerce.number().min(0).max(1).default(0.3),
  EMBEDDING_SOAK_MS: count(7 * 24 * 60 * 60_000, 365 * 24 * 60 * 60_000),

  ACCESS_TOKEN_MS: count(15 * 60_000, 60 * 60_000),
  REFRESH_TOKEN_MS: count(30 * 24 * 60 * 60_000),
  SIGN_UP: z.enum(['open', 'closed']).default('open'),
  QUOTA_LIMIT_MICROS: z.coerce.number().int().min(0).optional(),

  LOGIN_PER_ACCOUNT_PER_MINUTE: count(10),
  LOGIN_PER_ADDRESS_PER_MINUTE: count(60),
  SIGN_UP_PER_ADDRESS_PER_MINUTE: count(30),
  REFRESH_PER_ADDRESS_PER_MINUTE: count(120),
  MESSAGES_PER_MINUTE: count(120),
  INGESTIONS_PER_MINUTE: count(600),
  UPLOADS_PER_MINUTE: count(600),
  SEARCHES_PER_MINUTE: count(600),

  MESSAGE_LENGTH_MAX: count(32_000),
  OUTPUT_TOKENS_MAX: count(2_048),
  RUN_TIME_MAX_MS: count(10 * 60_000),
  RUN_CONCURRENCY_MAX: count(256),
  RUN_QUEUE_LENGTH_MAX: count(4_096),
  RUN_LEASE_MS: count(15_000),
  RUN_LOG_TTL_MS: count(60 * 60_000),
  PASSAGE_COUNT_MAX: count(6, 50),
  HISTORY_TOKENS_MAX: count(1_500),

  ANSWER_LENGTH_MAX: count(64_000),
  PASSAGE_TOKENS_MAX: count(4_000),
  SEARCH_TIMEOUT_MS: count(15_000),
  QUERY_EMBEDDING_TTL_MS: count(10 * 60_000),

  TEXT_BYTES_MAX: count(8 * 1024 * 1024),
  URL_BYTES_MAX: count(32 * 1024 * 1024),
  URL_TIMEOUT_MS: count(30_000),
  UPLOAD_BYTES_MAX: count(64 * 1024 * 1024),
  UPLOAD_TTL_MS: count(15 * 60_000),
  INGESTION_CONCURRENCY_MAX: count(2, 64),
  WORKER_THREAD_COUNT: count(1, 64),
  LOAD_TIME_MAX_MS: count(60_000),
  LOAD_TEXT_LENGTH_MAX: count(20_000_000),
  LOAD_UNPACKED_BYTES_MAX: count(256 * 1024 * 1024),
  LOAD_PAGES_MAX: count(5_000),
  LOAD_MEMORY_MAX_MB: count(768, 16_384),
  URL_INGESTION: z.enum(['on', 'off']).default('on'),

  QUERY_DEPTH_MAX: count(16),
  QUERY_TOKENS_MAX: count(2_000),
  QUERY_ALIASES_MAX: count(16),
  QUERY_ROOT_FIELDS_MAX: count(16),
  QUERY_DIRECTIVES_MAX: count(16),
  QUERY_COST_MAX: count(20_000),
  INTROSPECTION: flag,
  PLAYGROUND: flag,
  QUERY_LIST_LENGTH_MAX: count(1_000),
  QUERY_VARIABLE_NODES_MAX: count(20_000),
  REQUEST_BYTES_MAX: count(12 * 1024 * 1024),
  ANONYMOUS_REQUEST_BYTES_MAX: count(64 * 1024),
  REQUEST_TIMEOUT_MS: count(60_000),
  SOCKET_FRAME_BYTES_MAX: count(12 * 1024 * 1024),
  SOCKET_INIT_TIMEOUT_MS: count(5_000),
  SOCKET_OPERATIONS_MAX: count(64),
  SOCKETS_PER_USER_MAX: count(64),
  SOCKET_BUFFERED_BYTES_MAX: count(1024 * 1024),
  SOCKET_STALL_TIMEOUT_MS: count(30_000),
  SOCKET_SWEEP_MS: count(15_000),
  SHUTDOWN_GRACE_MS: count(10_000),
});

export type Settings = z.output<typeof settingsSchema>;

export interface Config extends Settings {
  readonly production: boolean;
  /** Only this machine can reach the server. */
  readonly loopback: boolean;
  /** The demo user may be seeded and may log in. */
  readonly demoAllowed: boolean;
  /** The specification of the embedder, for `Embedders`. */
  readonly embedder: string;
  /** Where fetched models lie. */
  readonly modelsFolder: string;
}

/** Exit code 78 (EX_CONFIG of sysexits.h) is for this error alone. */
export class ConfigError extends DomainError {
  constructor(problems: readonly string[]) {
    super('BAD_USER_INPUT', `Configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Reads settings; an empty variable counts as unset. Throws ConfigError with all problems at once. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  }
  const settings = parsed.data;
  const problems = contradictions(settings);
  if (problems.length > 0) throw new ConfigError(problems);
  const production = settings.NODE_ENV === 'production';
  const loopback = LOOPBACK.has(settings.HOST);
  return {
    ...settings,
    production,
    loopback,
    demoAllowed: loopback && !production,
    embedder: settings.EMBEDDER ?? openAiSpec(settings.EMBEDDING_MODEL) ?? 'built-in',
    modelsFolder: settings.MODELS_DIR ?? join(cacheFolder(given['XDG_CACHE_HOME']), 'multidb-ai', 'models'),
  };
}

function openAiSpec(model: string | undefined): string | undefined {
  return model === undefined ? undefined : `openai:${model}`;
}

/** The XDG base directory specification ignores a relative path. */
function cacheFolder(xdgCacheHome: string | undefined): string {
  return xdgCacheHome !== undefined && isAbsolute(xdgCacheHome) ? xdgCacheHome : join(homedir(), '.cache');
}

function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  if (settings.MODEL && !settings.OPENAI_BASE_URL && !settings.OPENAI_API_KEY) {
    problems.push('MODEL: needs OPENAI_API_KEY, or OPENAI_BASE_URL of a server without keys.');
  }
  if (!settings.MODEL && (settings.OPENAI_BASE_URL || settings.OPENAI_API_KEY)) {
    problems.push('MODEL: name the chat model to ask at OPENAI_BASE_URL.');
  }
  if (settings.EMBEDDER && settings.EMBEDDING_MODEL) {
    problems.push('EMBEDDING_MODEL: leave it out, EMBEDDER says it.');
  }
  if (settings.TEXT_BYTES_MAX > settings.REQUEST_BYTES_MAX) {
    problems.push('TEXT_BYTES_MAX: must not exceed REQUEST_BYTES_MAX, which carries the text.');
  }
  if (settings.SECRET_KEY && settings.SECRETS_DIR) {
    problems.push(
      'SECRETS_DIR: has no use beside SECRET_KEY, from which the keys are made; set one of the two.',
    );
  }
  return problems;
}
