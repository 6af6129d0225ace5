// Speaks to SQLite. Only this file and sqlite-reader.ts know which driver that is.

import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { AppError } from '../errors.ts';
import { Disk, type Sync } from './disk.ts';
import { type KeptStatement, type SqliteFile, SqliteFileDialect } from './sqlite-driver.ts';

export const databaseFileName = 'copilot-notify.db';
const cachedStatements = 256;

/**
 * Kysely's dialect over the file in `dataDir` (made when absent), locked for this process. The lock is SQLite's own
 * exclusive mode: the kernel drops it when the process dies, so nothing has to be cleaned up after a crash. Throws an Error
 * that names DATA_DIR when the folder cannot be used or another process holds the file. `onFailure`: the disk has not kept
 * what was written; `sync`: how it gets there.
 */
export function createSqliteDialect(
  dataDir: string,
  { onFailure = endProcess, sync }: { readonly onFailure?: (error: Error) => void; readonly sync?: Sync } = {},
): SqliteFileDialect {
  const sqlite = openSqlite(dataDir);
  const statements = cacheStatements(sqlite);
  const disk = openDisk(join(dataDir, `${databaseFileName}-wal`), statements, onFailure, sync);
  const close = (): void => {
    disk.close();
    statements.close();
  };
  return new SqliteFileDialect({ ...statements, disk, close });
}

/** The statements of an open file, and how it is closed. */
type StatementCache = Pick<SqliteFile, 'prepare' | 'close'>;

/** What was acknowledged is on disk; what was not is asked for again. A new process finds out what the disk has kept. */
function endProcess(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

function openDisk(file: string, statements: StatementCache, ...options: [(error: Error) => void, Sync?]): Disk {
  try {
    return new Disk(file, ...options);
  } catch (error) {
    statements.close();
    throw cannotOpen(file, error);
  }
}

function openSqlite(dataDir: string): Libsql.Database {
  const file = join(dataDir, databaseFileName);
  let opened: Libsql.Database | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // A folder that was there already may be open to others: a volume mostly is. The log takes the rights of the file.
    closeSync(openSync(file, 'a', 0o600));
    const sqlite = new Libsql(file);
    opened = sqlite;
    // Exclusive before WAL, so that no shared-memory index is made and the lock is taken with the first read.
    sqlite.pragma('locking_mode = EXCLUSIVE');
    // Of a new file. What a delivery changes lies at random places: with pages half as long, half as much is written;
    // a million conversations take up to half as much disk again.
    sqlite.pragma('page_size = 2048');
    sqlite.pragma('journal_mode = WAL');
    // Alone it may lose the last commits on power loss (sqlite.org/pragma.html#pragma_synchronous): a 202 would be a lie. The
    // sync that FULL makes at each commit is ours to make, beside the work (disk.ts).
    sqlite.pragma('synchronous = NORMAL');
    // 32 MB of log (64 in a file from before, with pages of 4 KB): the same page is written many times, and goes to the file
    // once at each checkpoint.
    sqlite.pragma('wal_autocheckpoint = 16000');
    // 8 MB of pages instead of 2: a backlog is spread over the whole file, and each page that is not at hand is a call to
    // the system, which was a fifth of the CPU of a delivery.
    sqlite.pragma('cache_size = -8000');
    // What is deleted is overwritten with zeros: who asks to be erased must not be found in the file. See scrub.ts.
    sqlite.pragma('secure_delete = ON');
    sqlite.exec('begin immediate; commit');
    return sqlite;
  } catch (error) {
    // Else it would keep the lock, and the next try of this process would take itself for another one.
    if (opened) closeSqlite(opened);
    throw cannotOpen(file, error);
  }
}

/** Names DATA_DIR, and the reason where it is known. */
export function cannotOpen(file: string, cause: unknown): Error {
  const words = codeOf(cause).startsWith('SQLITE_BUSY')
    ? `${file} is in use by another process; one process per data folder`
    : `cannot open ${file}${isDamage(cause) ? ': it is damaged, restore a backup' : ''}`;
  return new Error(`DATA_DIR: ${words}`, { cause });
}

/** The open file for Kysely, which prepares every statement anew; kept ones cost a quarter of the memory and most of the time. */
export function cacheStatements(sqlite: Libsql.Database): StatementCache {
  const statements = new Map<string, KeptStatement>();
  const health: Health = { damage: undefined };
  return {
    close: () => closeSqlite(sqlite),
    prepare: (sql) => {
      const known = statements.get(sql);
      if (known) {
        // Re-inserting keeps the map in order of use, so that its first key is the one to drop.
        statements.delete(sql);
        statements.set(sql, known);
        return known;
      }
      const prepared = named(health, () => sqlite.prepare(sql));
      const statement = adaptStatement(prepared, sql, health);
      if (sql === 'rollback') return skipWithoutTransaction(sqlite, statement);
      statements.set(sql, statement);
      const oldest = statements.keys().next().value;
      if (statements.size > cachedStatements && oldest !== undefined) statements.delete(oldest);
      return statement;
    },
  };
}

/**
 * The driver keeps its connection for as long as any statement object lives, so the lock must be let go by hand. SQLite
 * leaves exclusive mode only outside of WAL (sqlite.org/pragma.html#pragma_locking_mode); leaving WAL also writes the log
 * back into the file, which is then whole by itself.
 */
function closeSqlite(sqlite: Libsql.Database): void {
  const steps = [
    () => sqlite.pragma('journal_mode = DELETE'),
    () => sqlite.pragma('locking_mode = NORMAL'),
    () => sqlite.exec('select count(*) from sqlite_master'),
  ];
  for (const step of steps) {
    try {
      step();
    } catch {
      // A damaged file or a full disk: the next opening reads the log, as after a crash.
    }
  }
  sqlite.close();
}

/** What has been met of the file. */
type Health = { damage: AppError | undefined };

function adaptStatement(statement: Libsql.Statement, sql: string, health: Health): KeptStatement {
  const changes = /\b(?:insert|update|delete)\b/i.test(sql);
  const call = <T>(run: () => T): T => {
    // Written to, a damaged file only gets worse. What can be read of it is.
    if (changes && health.damage) throw health.damage;
    return named(health, run);
  };
  return {
    reader: statement.reader,
    // Some that change something give rows as well.
    writes: !statement.reader || changes,
    all: (parameters) => call(() => statement.all(bind(parameters))),
    run: (parameters) => call(() => statement.run(bind(parameters))),
    iterate: (parameters) => statement.iterate(parameters),
  };
}

/** SQLite knows no lists: one is a JSON text, for json_each. */
function bind(parameters: readonly unknown[]): readonly unknown[] {
  return parameters.map((value) => (Array.isArray(value) ? JSON.stringify(value) : value));
}

/** A full disk makes SQLite roll back by itself; a second rollback would fail, and hide why. */
function skipWithoutTransaction(sqlite: Libsql.Database, rollback: KeptStatement): KeptStatement {
  return {
    ...rollback,
    run: (parameters) => (sqlite.inTransaction ? rollback.run(parameters) : { changes: 0, lastInsertRowid: 0 }),
  };
}

/** A disk that takes nothing is no fault of whoever asks: it is told as such, and may pass. Damage does not pass. */
function named<T>(health: Health, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (isDamage(error)) {
      health.damage ??= unavailable(
        'The file of DATA_DIR is damaged, or its disk is failing: restore a backup.',
        error,
      );
      throw health.damage;
    }
    if (!isDiskTrouble(error)) throw error;
    throw unavailable('The storage takes nothing now: the disk of DATA_DIR is full or failing.', error);
  }
}

/** sqlite.org/rescode.html */
function isDiskTrouble(error: unknown): boolean {
  return /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM|PROTOCOL)/.test(codeOf(error));
}

function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function unavailable(words: string, cause: unknown): AppError {
  return new AppError('unavailable', words, { cause, headers: { 'Retry-After': '30' } });
}
