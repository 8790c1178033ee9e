import { DomainError, type ErrorCode } from '../../domain/errors.ts';
import type { TaskFailureReason } from '../../domain/ports/tasks.ts';

export interface TaskRequest {
  readonly url: string;
  readonly input: unknown;
}
export type TaskReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: WireError };

/** To a worker process, and back. */
export interface HostRequest extends TaskRequest {
  readonly timeoutMs: number;
}
export type HostReply = { readonly last: boolean } & (
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: WireError }
  | { readonly kind: 'failure'; readonly reason: TaskFailureReason; readonly message: string }
);

/** A structured clone of an Error loses its class and code. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly domain: { readonly code: ErrorCode; readonly retryable: boolean } | undefined;
}

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error))
    return { name: 'Error', message: String(error), stack: undefined, domain: undefined };
  const domain = error instanceof DomainError ? { code: error.code, retryable: error.retryable } : undefined;
  return { name: error.name, message: error.message, stack: error.stack, domain };
}

export function fromWire(wire: WireError): Error {
  if (wire.domain !== undefined) {
    return new DomainError(wire.domain.code, wire.message, { retryable: wire.domain.retryable });
  }
  const error = new Error(wire.message);
  error.name = wire.name;
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}
