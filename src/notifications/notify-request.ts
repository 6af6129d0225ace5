// What a sender may ask for. One description: the request is checked by it, and documents are made from it.

import { z } from 'zod';
import { AppError, type FieldFault } from '../errors.ts';
import { findCardFaults } from './card-links.ts';

export type Recipient =
  | { readonly subject: string }
  | { readonly conversationId: string }
  | { readonly userId: string }
  | { readonly all: true };

/** Exactly one of the two. */
type Content = {
  readonly message?: { readonly text: string; readonly textFormat: 'plain' | 'markdown' };
  readonly card?: Record<string, unknown>;
};

export type NotifyRequest = {
  readonly to: Recipient;
  readonly content: Content;
  readonly result?: Readonly<Record<string, string | number | boolean>>;
  readonly keepOpen: boolean;
  /** Epoch ms. */
  readonly sendAt?: number;
  /** Epoch ms. */
  readonly expiresAt: number;
  readonly metadata?: Readonly<Record<string, string>>;
};

const hour = 3_600_000;
const day = 24 * hour;
const longestLifeMs = 72 * hour;
const furthestSendMs = 30 * day;
/** Well below what Teams takes in one message (28 KB), card and text alike. */
const longestText = 8_000;
const largestCardBytes = 24 * 1024;
/** So many faults, and so much of a path that a sender has made up, are repeated to it. */
const mostFaults = 20;
const longestPath = 200;

/** A lone surrogate is no character: the database and some parsers of the parent's would make another text of it. */
const isWellFormed = [/^\P{Cs}*$/u, 'must be well-formed Unicode'] as const;
const plainText = (most: number) =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(most, `must have at most ${most} characters`)
    .regex(/^\P{Cc}*$/u, 'must not have control characters')
    .regex(...isWellFormed);
/** Trimmed as in the actions (bot/actions/inputs.ts): a blank too many would never meet its wait. */
const subjectText = z.string().trim().pipe(plainText(256));
const time = z.iso.datetime({ offset: true, error: 'must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z' });

const oneRecipient = { error: 'must have exactly one of subject, conversationId, userId, all' };
const recipientSchema = z
  .strictObject(
    {
      subject: subjectText.optional(),
      conversationId: plainText(64).optional(),
      userId: plainText(256).optional(),
      all: z.literal(true, { error: 'must be true' }).optional(),
    },
    // A field that does not exist is named like everywhere else.
    { error: (issue) => (issue.code === 'invalid_type' ? oneRecipient.error : undefined) },
  )
  .refine((to) => Object.keys(to).length === 1, oneRecipient)
  .transform((to) => to as Recipient);

const messageSchema = z.strictObject({
  text: z
    .string()
    .min(1, 'must not be empty')
    .max(longestText, `must have at most ${longestText} characters`)
    .regex(...isWellFormed),
  textFormat: z.enum(['plain', 'markdown']).default('markdown'),
});

const cardSchema = z
  .looseObject({ type: z.literal('AdaptiveCard', { error: 'must be "AdaptiveCard"' }) })
  .refine((card) => Buffer.byteLength(JSON.stringify(card)) <= largestCardBytes, {
    error: `must have at most ${largestCardBytes} bytes as JSON`,
  })
  .superRefine((card, context) => {
    for (const { path, message } of findCardFaults(card))
      context.addIssue({ code: 'custom', path: [...path], message });
  });

const options = {
  result: z
    .record(
      plainText(64),
      z.union(
        [
          z
            .string()
            .max(4_000)
            .regex(...isWellFormed),
          z.int(),
          z.boolean(),
        ],
        {
          error: 'must be a text, a whole number or true or false',
        },
      ),
    )
    .refine((result) => Object.keys(result).length <= 25, { error: 'must have at most 25 fields' })
    .optional(),
  keepOpen: z.boolean().default(false),
  sendAt: time.optional(),
  expiresAt: time.optional(),
  metadata: z
    .record(
      plainText(64),
      z
        .string()
        .max(512)
        .regex(...isWellFormed),
    )
    .refine((metadata) => Object.keys(metadata).length <= 20, { error: 'must have at most 20 fields' })
    .optional(),
};

const fullSchema = z
  .strictObject({ to: recipientSchema, message: messageSchema.optional(), card: cardSchema.optional(), ...options })
  .refine((body) => (body.message === undefined) !== (body.card === undefined), {
    error: 'must have exactly one of message and card',
  });
const shortSchema = z.strictObject({ subject: subjectText, text: messageSchema.shape.text, ...options });

/**
 * Reads the body of a notify request, in its full or its short form (`{subject, text}`). Times in epoch ms. Throws
 * AppError `invalid_notification` (422) with a fault for each field.
 */
export function parseNotifyRequest(body: unknown, now: number, defaultTtlMs: number): NotifyRequest {
  const request = isShortForm(body) ? readShort(body) : check(fullSchema, body);
  const sendAt = request.sendAt === undefined ? undefined : Date.parse(request.sendAt);
  // A sendAt that has passed means now.
  const startsAt = Math.max(sendAt ?? now, now);
  const expiresAt = request.expiresAt === undefined ? startsAt + defaultTtlMs : Date.parse(request.expiresAt);
  checkTimes({ now, startsAt, expiresAt, longestLifeMs: Math.max(longestLifeMs, defaultTtlMs) });
  const { message, card } = request;
  return {
    to: request.to,
    content: card === undefined ? { ...(message && { message }) } : { card },
    ...(request.result && { result: request.result }),
    keepOpen: request.keepOpen,
    ...(startsAt > now && { sendAt: startsAt }),
    expiresAt,
    ...(request.metadata && { metadata: request.metadata }),
  };
}

function isShortForm(body: unknown): boolean {
  return typeof body === 'object' && body !== null && !('to' in body) && ('subject' in body || 'text' in body);
}

function readShort(body: unknown): z.output<typeof fullSchema> {
  const { subject, text, ...rest } = check(shortSchema, body);
  return { to: { subject }, message: { text, textFormat: 'markdown' }, ...rest };
}

function check<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.flatMap(readIssue));
}

function readIssue(issue: z.core.$ZodIssue): FieldFault[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: pathOf(issue.path), message: issue.message }];
  return issue.keys.map((key) => ({
    path: pathOf([...issue.path, key]),
    message: 'is not a field of a notification',
  }));
}

function pathOf(keys: readonly PropertyKey[]): string {
  const path = keys.join('.');
  return path.length <= longestPath ? path : `${path.slice(0, longestPath)}…`;
}

type Times = {
  readonly now: number;
  readonly startsAt: number;
  readonly expiresAt: number;
  /** The operator's own NOTIFICATION_TTL may be longer than the usual limit. */
  readonly longestLifeMs: number;
};

function checkTimes(times: Times): void {
  const faults: FieldFault[] = [];
  if (times.startsAt > times.now + furthestSendMs) faults.push({ path: 'sendAt', message: 'must be within 30 days' });
  if (times.expiresAt <= times.startsAt) {
    faults.push({ path: 'expiresAt', message: 'must be in the future and after sendAt' });
  } else if (times.expiresAt > times.startsAt + times.longestLifeMs) {
    const hours = Math.floor(times.longestLifeMs / hour);
    faults.push({ path: 'expiresAt', message: `must be at most ${hours} hours after sendAt, or from now` });
  }
  if (faults.length > 0) throw invalid(faults);
}

function invalid(found: readonly FieldFault[]): AppError {
  const faults = found.slice(0, mostFaults);
  const words = faults.map((fault) => `${fault.path || 'body'}: ${fault.message}`).join('; ');
  return new AppError('invalid_notification', `The notification cannot be accepted: ${words}.`, { faults });
}
