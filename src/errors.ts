// The one table of errors that leave a boundary: code, HTTP status, words. Everything else that is thrown is a bug
// and is answered as `internal` without details.

const statusOfCode = {
  malformed_request: 400,
  invalid_token: 401,
  credential_required: 401,
  invalid_signature: 401,
  caller_not_allowed: 403,
  channel_not_allowed: 403,
  service_url_not_allowed: 403,
  scope_missing: 403,
  recipient_not_allowed: 403,
  not_found: 404,
  method_not_allowed: 405,
  backup_elsewhere: 409,
  name_taken: 409,
  not_retryable: 409,
  webhook_revoked: 410,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  too_many_requests: 429,
  invalid_backup: 422,
  invalid_filter: 422,
  invalid_key: 422,
  invalid_notification: 422,
  invalid_webhook: 422,
  internal: 500,
  reply_refused: 502,
  not_configured: 503,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof statusOfCode;

/** One fault in a request body: JSON path such as `to.subject`, and what is wrong there. */
export type FieldFault = { readonly path: string; readonly message: string };

type AppErrorOptions = {
  readonly cause?: unknown;
  readonly faults?: readonly FieldFault[];
  /** Why, for the log alone: what a stranger must not learn about the checks. */
  readonly reason?: string;
  /** Extra response headers, such as WWW-Authenticate, Allow or Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * An error with a stable code. `message` may be shown to whoever called: it names the field or setting to fix and
 * never holds a secret, a token or a message text.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly faults: readonly FieldFault[];
  readonly reason: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = statusOfCode[code];
    this.faults = options.faults ?? [];
    this.reason = options.reason;
    this.headers = options.headers ?? {};
  }
}
