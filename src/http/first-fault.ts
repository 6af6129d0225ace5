// What zod found, as this service names faults: by the path of the field.

import type { z } from 'zod';

/** Path and words of the first fault; fields that `noun` (such as `a filter`) does not have are named together. */
export function firstFault(error: z.ZodError, noun: string): [path: string, message: string] {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') return [issue.keys.join(), `is not a field of ${noun}`];
  return [issue?.path.join('.') ?? '', issue?.message ?? 'is not valid'];
}
