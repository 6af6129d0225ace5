// Statements that are built once. Kysely builds and compiles a statement anew each time that it is run, which costs as much
// as SQLite's part of a short one.

import type { CompiledQuery, QueryResult } from 'kysely';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';

/** Stands for a value that is known when the statement is run. */
class Place {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A statement whose values are given when it is run. `build` is called once for each engine, with something that stands for
 * each value: it may hand these on to Kysely, and do nothing else with them.
 */
export function prepared<Values extends Readonly<Record<string, unknown>>, Row>(
  build: (db: Database, values: Values) => CompiledQuery<Row>,
): (db: Database, values: Values) => Promise<QueryResult<Row>> {
  const built = new Map<boolean, CompiledQuery<Row>>();
  return (db, values) => {
    const engine = isPostgres(db);
    let query = built.get(engine);
    if (!query) {
      const places = Object.keys(values).map((name) => [name, new Place(name)]);
      query = build(db, Object.fromEntries(places) as Values);
      built.set(engine, query);
    }
    const parameters = query.parameters.map((value) => (value instanceof Place ? values[value.name] : value));
    return db.executeQuery({ ...query, parameters });
  };
}
