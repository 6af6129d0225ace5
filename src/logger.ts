// Log lines: JSON on stdout, without secrets, tokens or the texts of messages.

import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger,
  type LoggerOptions,
  pino,
} from 'pino';

export type { Logger };

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** In lower case: they are looked for in any. */
const secretNames = new Set([
  'authorization',
  'x-api-key',
  'cookie',
  'secret',
  'password',
  'token',
  'access_token',
  'client_secret',
  'privatekey',
  'text',
]);
/** What stands under them is told as an error, whatever it is. */
const errorNames = new Set(['err', 'error']);
const censored = '[redacted]';
/** Lines are flat; what is nested deeper than this has come along with something, and is not written at all. */
const deepestLevel = 3;

/** A logger of this level; `destination` other than stdout is for tests. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
    // Nothing here logs secrets on purpose; this catches what a library's object brings along. By hand: pino's own
    // `redact` looks for every path in every line, which costs many times the line.
    hooks: {
      logMethod([first, ...others], method) {
        const line = first instanceof Error ? { err: first } : first;
        method.apply(this, [line, ...others].map((value) => redact(value, 0)) as Parameters<typeof method>);
      },
    },
    // Done by then: pino's own would take what is left for an error, and look for more in it.
    serializers: { err: (serialized: unknown) => serialized },
  };
  const logger = pino(options, destination ?? openStdout());
  const { child } = logger;
  // What is bound to a child comes by no hook and no formatter.
  return Object.assign(logger, {
    child(this: Logger, bindings: Bindings, childOptions?: ChildLoggerOptions) {
      return Reflect.apply(child, this, [redactFields(bindings, 0), childOptions]);
    },
  });
}

/**
 * Stdout: what one turn of the event loop has to say is written at its end, in one piece and beside the work. A call to the
 * system for each line was a twentieth of an accept. A fatal line is written at once, and what is left when the process ends
 * by itself, then perhaps before what was just on its way. Who kills the process may lose a moment of its lines.
 */
function openStdout(): DestinationStream & { flushSync(): void } {
  const stdout = pino.destination({ dest: 1, sync: false, maxLength: mostUnread });
  let lines = '';
  const hand = (): void => {
    if (lines !== '') stdout.write(lines);
    lines = '';
  };
  const flushSync = (): void => {
    hand();
    stdout.flushSync();
  };
  process.on('exit', flushSync);
  return {
    write: (line) => {
      if (lines === '') setImmediate(hand);
      lines += line;
    },
    flushSync,
  };
}

let lastAt = Number.NaN;
let lastTime = '';

/** As pino's `isoTime`, once for all the lines of a millisecond. */
function timestamp(): string {
  const now = Date.now();
  if (now !== lastAt) {
    lastAt = now;
    lastTime = `,"time":"${new Date(now).toISOString()}"`;
  }
  return lastTime;
}

/** Where nobody reads stdout, what comes beyond this is dropped: the memory of the process must not fill with it. */
const mostUnread = 8 * 1024 * 1024;

/** A copy without secrets. `depth` is that of the value: 0 for the line itself. */
function redact(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return serializeError(value);
  if (depth >= deepestLevel) return censored;
  try {
    if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON(), depth + 1);
    return Array.isArray(value) ? value.map((item) => redact(item, depth + 1)) : redactFields(value, depth);
  } catch {
    // A getter or a toJSON that throws: a line in the log must be no reason to fail.
    return censored;
  }
}

function redactFields(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value: unknown = fields[name as keyof typeof fields];
    if (isSecret(name)) clean[name] = censored;
    else clean[name] = errorNames.has(name) ? serializeError(value) : redact(value, depth + 1);
  }
  return clean;
}

const knownNames = new Map<string, boolean>();
const mostKnownNames = 1_000;

function isSecret(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const secret = secretNames.has(name.toLowerCase());
  // The names in what a library brings along may be without end.
  if (knownNames.size < mostKnownNames) knownNames.set(name, secret);
  return secret;
}

type SerializedError = {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: SerializedError;
};

/** Only these fields: an SDK error carries the whole request with its bearer token (`err.request.headers`). */
function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && (typeof error.code === 'string' || typeof error.code === 'number') && { code: error.code }),
    ...(error.stack !== undefined && depth === 0 && { stack: error.stack }),
    // VError, which restify uses, has a method of this name.
    ...(error.cause !== undefined &&
      typeof error.cause !== 'function' &&
      depth < 5 && { cause: serializeError(error.cause, depth + 1) }),
  };
}
