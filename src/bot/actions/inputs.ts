// Inputs of actions. They arrive as the object `value` of the activity (CopilotStudioSamples contact-center/skill-handoff).

import { z } from 'zod';
import { type InputFault, inputFaults } from '../texts.ts';

/** An input that cannot be used; the texts of each language say what is wrong with it, for the maker of the topic. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  readonly input: string;
  readonly fault: InputFault;

  constructor(input: string, fault: InputFault) {
    super(`Input "${input}": ${fault}.`);
    this.input = input;
    this.fault = fault;
  }
}

/** A subject: 1 to 256 characters without control characters or lone surrogates, the same rule as for senders. */
export const subjectInput = z
  .string({ error: ({ input }) => (isBlank(input) ? saying('missing') : saying('noText')) })
  .trim()
  .min(1, saying('empty'))
  .max(256, saying('tooLong'))
  .regex(/^\P{Cc}*$/u, saying('controlCharacters'))
  .regex(/^\P{Cs}*$/u, saying('malformedUnicode'));

/** A variable that a maker has bound and not filled arrives empty: that is as if it had not been given. */
export const optionalSubjectInput = z.preprocess(dropBlank, subjectInput.optional());

/** Makers bind variables of any type: "10" is as good as 10. */
export const minutesInput = z.preprocess(
  (value) => (typeof value === 'string' && /^\s*\d{1,9}\s*$/u.test(value) ? Number(value) : dropBlank(value)),
  z
    .int({ error: saying('noMinutes') })
    .min(1, saying('noMinutes'))
    .optional(),
);

/** Reads the inputs of an action. Throws InvalidInput for the first faulty one. */
export function parseInputs<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const fault = inputFaults.find((code) => code === issue?.message) ?? 'notValid';
  throw new InvalidInput(issue?.path.join('.') ?? '', fault);
}

/** Says in the place of zod's words what is wrong. */
function saying(fault: InputFault): InputFault {
  return fault;
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function dropBlank(value: unknown): unknown {
  return isBlank(value) ? undefined : value;
}
