// Opens the database: SQLite in one file, or PostgreSQL. The rest of the service sees no difference.

import { Kysely, type Migration, Migrator, sql } from 'kysely';
import * as initial from './migrations/0001-initial.ts';
import { createPostgresDialect } from './postgres.ts';
import type { Schema } from './schema.ts';
import { createSqliteReader } from './sqlite-reader.ts';
import { createSqliteDialect } from './sqlite.ts';

export type Database = Kysely<Schema>;

/** Where the data is: at `url` where there is one, else in the folder `dataDir`. */
export type DatabasePlace = {
  readonly dataDir: string;
  readonly url?: string | undefined;
  /** Told of connections to PostgreSQL that end by themselves. */
  readonly onTrouble?: (error: Error) => void;
};

const migrations: Record<string, Migration> = { '0001-initial': initial };

/** More would not be faster: a commit of one takes those of others along. */
const mostConnections = 10;
const statementMs = 5_000;

/**
 * Opens the database and brings its tables up to date. Throws an Error that names DATA_DIR or DATABASE_URL when it cannot
 * be used, or a newer version has written it.
 */
export async function openDatabase(place: DatabasePlace): Promise<Database> {
  return place.url === undefined ? openSqlite(place.dataDir) : openPostgres(place.url, place.onTrouble);
}

async function openSqlite(dataDir: string): Promise<Database> {
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(dataDir) });
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw new Error(`DATA_DIR: the tables in ${dataDir} could not be brought up to date`, { cause: error });
  }
  return db;
}

async function openPostgres(url: string, onTrouble: (error: Error) => void = () => undefined): Promise<Database> {
  // On a connection of its own: another replica may be at it, and what a migration does may take its time.
  await (await openPatiently(url)).destroy();
  return new Kysely<Schema>({ dialect: createPostgresDialect({ url, most: mostConnections, statementMs }, onTrouble) });
}

/**
 * Opens PostgreSQL with its tables up to date, over one connection whose statements may take any time. Throws an Error that
 * names DATABASE_URL when it cannot be used.
 */
export async function openPatiently(url: string): Promise<Database> {
  const dialect = createPostgresDialect({ url, most: 1, statementMs: 0 }, () => undefined);
  const db = new Kysely<Schema>({ dialect });
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw new Error('DATABASE_URL: the tables could not be brought up to date', { cause: error });
  }
}

/**
 * Opens the SQLite file of a service that does not run, to be read: nothing in it is changed, and no service starts on it
 * meanwhile. Throws an Error that names DATA_DIR when there is none, it is in use, or another version has written it.
 */
export async function openStopped(dataDir: string): Promise<Database> {
  const db = new Kysely<Schema>({ dialect: createSqliteReader(dataDir) });
  try {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
    if (rows.map(({ name }) => name).join() === Object.keys(migrations).toSorted().join()) return db;
  } catch (error) {
    await db.destroy();
    throw new Error(`DATA_DIR: the file in ${dataDir} holds no data of this service`, { cause: error });
  }
  await db.destroy();
  throw new Error(
    `DATA_DIR: another version has written the file in ${dataDir}; start this version on it once, and stop it again`,
  );
}

/** Writes a row and waits for its commit. Rejects where nothing can be stored now: a look that only reads would not see it. */
export async function probeWrite(db: Database, now: number): Promise<void> {
  await db
    .insertInto('write_probe')
    .values({ id: 1, at: now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ at: now }))
    .execute();
}

async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
