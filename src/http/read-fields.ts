// A JSON body of which each field is known: what an operator asks for.

import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { AppError, type ErrorCode } from '../errors.ts';
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
  throw new AppError(code, `The body is not ${noun}: ${path || 'body'}: ${message}.`, { faults: [{ path, message }] });
}
