/**
 * The one exception that callers of Kroma may act on, and the assertion for promises of our own.
 * What a user's code throws is an `error` output, never one of these.
 */

/** What a caller can do about a failure; the list is closed (ARCHITECTURE.md, "Errors"). */
export type KromaErrorCode = "invalid" | "missing" | "denied" | "unavailable" | "exhausted" | "corrupt" | "aborted";

/** An error as it travels over a Channel: no stack, plain data. */
export interface WireError {
  readonly code: KromaErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

/** A failure with a code a caller can act on. The message is a sentence for a person. */
export class KromaError extends Error {
  override readonly name = "KromaError";
  readonly code: KromaErrorCode;
  readonly details: unknown;

  constructor(code: KromaErrorCode, message: string, options: { details?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}

/** Any thrown value as a `WireError`; an unknown one becomes `unavailable` and keeps its message. */
export function toWireError(error: unknown): WireError {
  if (error instanceof KromaError) {
    return error.details === undefined
      ? { code: error.code, message: error.message }
      : { code: error.code, message: error.message, details: error.details };
  }
  return { code: "unavailable", message: error instanceof Error ? error.message : String(error) };
}

/** The exception a `WireError` stands for. */
export function fromWireError(error: WireError): KromaError {
  return new KromaError(error.code, error.message, { details: error.details });
}

/** Throws a plain Error when a promise of our own code is broken. Nobody catches it but the top level. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Broken promise: ${message}`);
}
