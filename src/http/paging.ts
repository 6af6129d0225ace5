// The query of a list: `limit` and `cursor`, the same for every list.

import { AppError } from '../errors.ts';

export type Page = { readonly limit: number; readonly cursor: string | undefined };

const defaultPageSize = 50;
const maxPageSize = 200;
const maxCursorLength = 512;

/** Reads them. `isCursor` tells a nextCursor of this list from anything else. Throws AppError `malformed_request` (400). */
export function parsePage(query: URLSearchParams, isCursor: (cursor: string) => boolean = () => true): Page {
  const limit = query.get('limit') ?? String(defaultPageSize);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > maxPageSize) {
    throw queryError('limit', `Must be a whole number from 1 to ${maxPageSize}`);
  }
  const cursor = query.get('cursor') ?? undefined;
  if (cursor !== undefined && (cursor === '' || cursor.length > maxCursorLength || !isCursor(cursor))) {
    throw queryError('cursor', 'Must be the nextCursor of an earlier page');
  }
  return { limit: Number(limit), cursor };
}

/** A fault in the query, as an error to throw. */
export function queryError(path: string, message: string): AppError {
  return new AppError('malformed_request', 'The query is not valid.', { faults: [{ path, message }] });
}
