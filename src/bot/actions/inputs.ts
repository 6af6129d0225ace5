// Inputs of actions. They arrive as the object `value` of the event (CopilotStudioSamples contact-center/skill-handoff).

import { z } from 'zod';

/** Inputs that cannot be used; the message says which one and why, for the maker of the topic. */
export class InvalidInputs extends Error {
  override readonly name = 'InvalidInputs';
}

/** A subject: 1 to 256 characters without control characters or lone surrogates, the same rule as for senders. */
export const subjectInput = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(256, 'must have at most 256 characters')
  .regex(/^\P{Cc}*$/u, 'must not have control characters')
  .regex(/^\P{Cs}*$/u, 'must be well-formed Unicode');

/** Makers bind variables of any type: "10" is as good as 10. Empty means: not given. */
export const minutesInput = z
  .union([
    z.literal('').transform(() => undefined),
    z.null().transform(() => undefined),
    z.coerce.number().int().min(1),
  ])
  .optional();

/** Reads the inputs of an action. Throws InvalidInputs that names the first faulty one. */
export function parseInputs<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(typeof value === 'object' && value !== null ? value : {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new InvalidInputs(`Input "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'is not valid'}.`);
}
