// Values whose type a statement does not show. PostgreSQL takes a parameter in a select list for a text, and one beside an
// integer for an integer of 32 bits, which no time fits into.

import { type RawBuilder, sql } from 'kysely';

/** A whole number, such as a time in ms. */
export function integer(value: number): RawBuilder<number> {
  return sql<number>`cast(${value} as bigint)`;
}
