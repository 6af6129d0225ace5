// A copy of the SQLite file while the service goes on. No other process can read the file, and VACUUM INTO would keep
// everybody waiting. But as long as nothing is moved from the write-ahead log into the file, the file stays as it is,
// whatever is committed: it is copied like any other.

import { constants, fstat, openSync, read } from 'node:fs';
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { AppError } from '../errors.ts';
import type { Database } from './database.ts';
import { isPostgres } from './locks.ts';
import { inTurn } from './log-turns.ts';
import { databaseFileName } from './sqlite.ts';

export type Backup = {
  /** Its whole path. */
  readonly file: string;
  readonly bytes: number;
};

export type BackupDesk = ReturnType<typeof createBackupDesk>;

type Options = { readonly db: Database; readonly dataDir: string; readonly now: () => number };

/** Makes backups in the folder `backups` of DATA_DIR. */
export function createBackupDesk({ db, dataDir, now }: Options) {
  const stopping = new AbortController();
  const folder = resolve(dataDir, 'backups');
  return {
    /**
     * All that is committed by now, under this name, default one with the time. Rejects with AppError when there is such a
     * file, the disk takes nothing, or the data is in PostgreSQL; then no file is left.
     */
    backUp: async (
      name = `copilot-notify-${new Date(now()).toISOString().replaceAll(':', '-')}.db`,
    ): Promise<Backup> => {
      if (isPostgres(db)) {
        throw new AppError('backup_elsewhere', 'The data is in PostgreSQL (DATABASE_URL): back it up with pg_dump.');
      }
      return inTurn(db, () => write(db, join(folder, name), join(dataDir, databaseFileName), stopping.signal));
    },
    /** Ends what is being made, so that the database can be closed. */
    stop: (): void => stopping.abort(),
  };
}

async function write(db: Database, file: string, source: string, signal: AbortSignal): Promise<Backup> {
  // Under its own name once it is whole: half of one must not be taken for a backup.
  const part = `${file}${unfinished}`;
  try {
    await prepare(dirname(file));
    if (await exists(file)) throw new AppError('name_taken', 'There is a backup of this name already.');
    const target = await open(part, 'w', 0o600);
    let bytes: number;
    try {
      bytes = await holdFile(db, () => copy(db, source, target, signal));
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(part, file);
    return { file, bytes };
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error instanceof Error && 'syscall' in error ? folderUnavailable(error) : error;
  }
}

const unfinished = '.part';

/** Makes the folder, and deletes what a process that was killed has left in it. */
async function prepare(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) if (name.endsWith(unfinished)) await rm(join(folder, name));
}

/** Runs `work` while all that is committed stays in the log: the file is as it was at the beginning. */
async function holdFile<T>(db: Database, work: () => Promise<T>): Promise<T> {
  const { rows } = await sql<{ wal_autocheckpoint: number }>`pragma wal_autocheckpoint`.execute(db);
  await sql`pragma wal_autocheckpoint = 0`.execute(db);
  try {
    await sql`pragma wal_checkpoint(truncate)`.execute(db);
    return await work();
  } finally {
    await sql`pragma wal_autocheckpoint = ${sql.lit(rows[0]?.wal_autocheckpoint ?? 1_000)}`.execute(db);
  }
}

const bytesAtOnce = 1024 * 1024;
const readAt = promisify(read);
const stat = promisify(fstat);

async function copy(db: Database, source: string, target: FileHandle, signal: AbortSignal): Promise<number> {
  const fd = readerOf(db, source);
  const before = await stat(fd, { bigint: true });
  const bytes = Number(before.size);
  const buffer = Buffer.alloc(bytesAtOnce);
  for (let position = 0; position < bytes;) {
    if (signal.aborted) throw new AppError('unavailable', 'The service is stopping.');
    const { bytesRead } = await readAt(fd, buffer, 0, Math.min(bytesAtOnce, bytes - position), position);
    if (bytesRead === 0) break;
    await target.writeFile(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  const after = await stat(fd, { bigint: true });
  // What nothing should do, as far as we know; half of one state and half of another would be worse than no backup.
  if (after.mtimeNs !== before.mtimeNs || after.size !== before.size) {
    throw new Error('the database file has changed while it was copied');
  }
  return bytes;
}

const readers = new WeakMap<Database, number>();

/**
 * Stays open to the end of the process: when a process closes any descriptor of a file, the kernel drops all locks that it
 * has on it (sqlite.org/howtocorrupt.html section 2.2), and with them the one that keeps other processes out.
 */
function readerOf(db: Database, file: string): number {
  const fd = readers.get(db) ?? openSync(file, 'r');
  readers.set(db, fd);
  return fd;
}

function exists(file: string): Promise<boolean> {
  return access(file, constants.F_OK).then(
    () => true,
    () => false,
  );
}

function folderUnavailable(cause: unknown): AppError {
  return new AppError('unavailable', 'The folder backups of DATA_DIR takes nothing now: is the disk full?', { cause });
}
