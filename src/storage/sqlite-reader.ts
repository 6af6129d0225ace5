// Reads the SQLite file of a service that does not run. Nothing in it is changed, and no service starts on it meanwhile.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type SqliteDatabase, SqliteDialect } from 'kysely';
import Libsql from 'libsql';
import { cacheStatements, cannotOpen, databaseFileName } from './sqlite.ts';

/**
 * Kysely's dialect over the file in `dataDir`, locked as a service locks it. Throws an Error that names DATA_DIR when there
 * is no such file, or a process has it. What a process that was killed has left in the log is read, and written back into
 * the file when it is closed, as by every opening of it.
 */
export function createSqliteReader(dataDir: string): SqliteDialect {
  const file = join(dataDir, databaseFileName);
  if (!existsSync(file)) throw new Error(`DATA_DIR: there is no file ${file}`);
  return new SqliteDialect({ database: openLocked(file) });
}

function openLocked(file: string): SqliteDatabase {
  try {
    const sqlite = new Libsql(file);
    sqlite.pragma('locking_mode = EXCLUSIVE');
    // A transaction that is never committed: it holds the lock, and keeps to what is there.
    sqlite.exec('begin exclusive');
    sqlite.pragma('query_only = ON');
    const database = cacheStatements(sqlite);
    const close = (): void => {
      sqlite.exec('rollback');
      sqlite.pragma('query_only = OFF');
      database.close();
    };
    return { ...database, close };
  } catch (error) {
    throw cannotOpen(file, error);
  }
}
