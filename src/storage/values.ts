// Values whose type a statement does not show. PostgreSQL takes a parameter in a select list for a text, and one beside an
// integer for an integer of 32 bits, which no time fits into.

import { type RawBuilder, sql } from 'kysely';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';

/** A whole number, such as a time in ms. */
export function integer(value: number): RawBuilder<number> {
  return sql<number>`cast(${value} as bigint)`;
}

/**
 * Texts as a table `k` with the column `value`, in one parameter: the statement is the same for any number of them, so that
 * it is compiled once and kept.
 */
export function tableOf(db: Database, texts: readonly string[]): RawBuilder<{ value: string }> {
  return isPostgres(db) ? sql`unnest(${texts}::text[]) as k (value)` : sql`json_each(${texts}) as k`;
}

/** The right side of `in`: these whole numbers, in one parameter. */
export function numbersOf(db: Database, numbers: readonly number[]): RawBuilder<number> {
  return isPostgres(db)
    ? sql<number>`(select value from unnest(${numbers}::bigint[]) as k (value))`
    : sql<number>`(select value from json_each(${numbers}) as k)`;
}

/** The right side of `in`: these texts, in one parameter. */
export function listOf(db: Database, texts: readonly string[]): RawBuilder<string> {
  return sql<string>`(select value from ${tableOf(db, texts)})`;
}
