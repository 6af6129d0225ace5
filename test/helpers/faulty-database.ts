// A real database whose connection fails when a test says so, as that to a server that is away does.

import { type DatabaseConnection, type Dialect, type Driver, Kysely } from 'kysely';
import { onTestFinished } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { createPostgresDialect } from '../../src/storage/postgres.ts';
import type { Schema } from '../../src/storage/schema.ts';
import { createSqliteDialect } from '../../src/storage/sqlite.ts';
import { makePlace } from './database.ts';

/** What fails from now on; set by the test. */
type Faults = {
  /** No connection can be had. */
  isAway: boolean;
  /** A commit is stored, but its answer is lost. */
  losesAnswers: boolean;
  /** So many commits are undone, and fail. */
  undoes: number;
  /** How often it was asked for a connection while it was away. */
  refusals: number;
};

/** An empty database, and its faults: none to begin with. */
export async function openFaultyDatabase(): Promise<{ readonly db: Database; readonly faults: Faults }> {
  const { place, remove } = await makePlace();
  await (await openDatabase(place)).destroy();
  const { dataDir, url } = place;
  const dialect: Dialect =
    url === undefined
      ? createSqliteDialect(dataDir)
      : createPostgresDialect({ url, most: 4, statementMs: 5_000 }, () => undefined);
  const faults: Faults = { isAway: false, losesAnswers: false, undoes: 0, refusals: 0 };
  const db = new Kysely<Schema>({
    dialect: {
      createAdapter: () => dialect.createAdapter(),
      createDriver: () => makeFaulty(dialect.createDriver(), faults),
      createIntrospector: (ofDb) => dialect.createIntrospector(ofDb),
      createQueryCompiler: () => dialect.createQueryCompiler(),
    },
  });
  onTestFinished(async () => {
    await db.destroy();
    await remove();
  });
  return { db, faults };
}

function makeFaulty(driver: Driver, faults: Faults): Driver {
  return {
    init: () => driver.init(),
    acquireConnection: async () => {
      if (!faults.isAway) return driver.acquireConnection();
      faults.refusals += 1;
      throw away();
    },
    beginTransaction: (connection, settings) => driver.beginTransaction(connection, settings),
    commitTransaction: async (connection: DatabaseConnection) => {
      if (faults.undoes > 0) {
        faults.undoes -= 1;
        await driver.rollbackTransaction(connection);
        throw new Error('undone');
      }
      await driver.commitTransaction(connection);
      if (faults.losesAnswers) throw away();
    },
    rollbackTransaction: (connection) => driver.rollbackTransaction(connection),
    releaseConnection: (connection) => driver.releaseConnection(connection),
    destroy: () => driver.destroy(),
  };
}

function away(): AppError {
  return new AppError('unavailable', 'The database is away.');
}
