import { pino } from 'pino';
import type { Log } from '../domain/ports/system.ts';

const SECRET_PATHS = [
  '*.password',
  '*.authorization',
  '*.accessToken',
  '*.refreshToken',
  '*.secret',
  '*.apiKey',
];

/** Structured lines on standard error, so that standard output stays free for what a command is asked to print. */
export function createLogger(options: { readonly level: string; readonly production: boolean }): Log {
  return pino(
    {
      level: options.level,
      base: options.production ? { pid: process.pid } : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
