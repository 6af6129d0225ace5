// The shape an activity must have before anything of the Bot Framework sees it: the SDK throws on `{}` before it has
// authenticated anyone, and on a conversation id that cannot be put into a header.

import { z } from 'zod';
import { AppError } from '../errors.ts';

const text = z.string().nullish();
// The database gives a text back only as far as its first NUL, and makes one character of all lone surrogates: two users
// would become one.
const plainText = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'Must be well-formed Unicode without control characters');
// Ids become parts of a path at the parent: dot segments lead to another path.
const isNoDotSegment = [(value: string) => value !== '.' && value !== '..', 'Must not be a dot segment'] as const;
const id = plainText(1024).refine(...isNoDotSegment);
// No longer than what the path of a route can name, or nobody could be erased by it.
const account = z.looseObject({ id: plainText(1024).nullish(), name: text, role: text, aadObjectId: text }).nullish();
const objects = z.array(z.looseObject({})).nullish();

const conversation = z.looseObject({
  // botframework-connector copies the id into the header `x-ms-conversation-id`; Node refuses anything outside
  // Latin-1 there, so such a conversation could be stored but never be answered.
  id: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[\x20-\x7e\xa0-\xff]*$/, 'Must be printable Latin-1')
    .refine(...isNoDotSegment),
  name: text,
  conversationType: text,
  // Named in the log where it is not allowed.
  tenantId: plainText(100).nullish(),
});

// Everything but `type` may be absent or null: the import ping of Copilot Studio is an endOfConversation with a null
// recipient and, at times, neither conversation nor serviceUrl.
const inboundActivity = z.looseObject({
  // The SDK answers an invoke that nobody handles with 501: it is the caller that asks for what a skill of this kind has not.
  type: z
    .string()
    .min(1)
    .max(100)
    .refine((type) => type !== 'invoke', 'Invoke activities are not handled by this skill'),
  id: id.nullish(),
  timestamp: text,
  localTimestamp: text,
  channelId: plainText(100).nullish(),
  serviceUrl: z.string().max(512).nullish(),
  conversation: conversation.nullish(),
  from: account,
  recipient: account,
  relatesTo: z.looseObject({}).nullish(),
  replyToId: id.nullish(),
  deliveryMode: plainText(100).nullish(),
  locale: plainText(100).nullish(),
  name: text,
  code: text,
  text,
  textFormat: text,
  value: z.unknown().optional(),
  valueType: text,
  channelData: z.unknown().optional(),
  attachments: objects,
  entities: objects,
  membersAdded: objects,
  membersRemoved: objects,
});

export type InboundActivity = z.infer<typeof inboundActivity>;

const maxFaults = 20;

/** The body as an activity, unknown fields kept. Throws `malformed_request` with the faults by path. */
export function parseInboundActivity(body: unknown): InboundActivity {
  const parsed = inboundActivity.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues
    .slice(0, maxFaults)
    .map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
  throw new AppError('malformed_request', 'The body is not a Bot Framework activity.', { faults });
}
