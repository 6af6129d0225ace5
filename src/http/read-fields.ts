// A JSON body of which each field is known: what an operator asks for.

import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { AppError, type ErrorCode, type FieldFault } from '../errors.ts';
import { firstFault } from './first-fault.ts';
import { readJsonObject, requireJsonContentType } from './json-body.ts';

type Fields<T> = {
  readonly schema: z.ZodType<T>;
  readonly maxBytes: number;
  /** Such as `a key`. */
  readonly noun: string;
  readonly code: ErrorCode;
};

/** The body as `schema` has it. Throws AppError of this code with the path of the first fault. */
export async function readFields<T>(req: IncomingMessage, { schema, maxBytes, noun, code }: Fields<T>): Promise<T> {
  requireJsonContentType(req);
  const parsed = schema.safeParse(await readJsonObject(req, maxBytes));
  if (parsed.success) return parsed.data;
  const [path, message] = firstFault(parsed.error, noun);
  throw faultyField({ noun, code, path, message });
}

type FaultyField = Pick<Fields<unknown>, 'noun' | 'code'> & FieldFault;

/** The refusal of a body for one of its fields. */
export function faultyField({ noun, code, path, message }: FaultyField): AppError {
  return new AppError(code, `The body is not ${noun}: ${path || 'body'}: ${message}.`, { faults: [{ path, message }] });
}
