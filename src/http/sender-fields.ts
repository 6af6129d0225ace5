// Fields that an operator gives to whoever may send, be it the holder of a key or the source of a webhook.

import { z } from 'zod';

/** What its notifications name as their sender. */
export const senderName = z.string().regex(/^[\w-]{1,64}$/, 'must have 1 to 64 letters, digits, - and _');

/** Prefixes of the subjects that it may notify. */
export const subjectPrefixes = z
  .array(z.string().min(1, 'must not be empty').max(256))
  .min(1, 'must not be empty')
  .max(50);

/** How long what a rotation replaces is good. */
export const overlapHours = z.int().min(0).max(720).default(24);
