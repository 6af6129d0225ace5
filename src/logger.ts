// Log lines: JSON on stdout, without secrets, tokens or the texts of messages.

import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger };

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

const secretNames = [
  'authorization',
  'Authorization',
  'x-api-key',
  'X-API-Key',
  'cookie',
  'secret',
  'password',
  'token',
  'access_token',
  'client_secret',
  'privateKey',
  'text',
];

/** A logger of this level; `destination` other than stdout is for tests. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: undefined,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // Nothing here logs these on purpose; this catches what a library's object brings along.
    redact: {
      paths: secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
      censor: '[redacted]',
    },
    serializers: { err: serializeError, error: serializeError },
  };
  return destination ? pino(options, destination) : pino(options);
}

type SerializedError = {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string;
  readonly cause?: SerializedError;
};

/** Only these fields: an SDK error carries the whole request with its bearer token (`err.request.headers`). */
function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && { code: error.code }),
    ...(error.stack !== undefined && depth === 0 && { stack: error.stack }),
    // VError, which restify uses, has a method of this name.
    ...(error.cause !== undefined &&
      typeof error.cause !== 'function' &&
      depth < 5 && { cause: serializeError(error.cause, depth + 1) }),
  };
}
