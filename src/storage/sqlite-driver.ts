// Kysely's way to SQLite's one connection: whoever wants it waits in line, lets go of it as soon as SQLite has done its part,
// and hears of the outcome when it is on disk. What has been read may have been written just before, so readers wait as
// well: nobody is ever told what a power failure could still undo.

import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteDialect,
  type SqliteStatement,
} from 'kysely';
import type { Disk } from './disk.ts';

/** A statement, and whether it may change anything. */
export type KeptStatement = SqliteStatement & { readonly writes: boolean };

export type SqliteFile = {
  readonly disk: Disk;
  prepare(sql: string): KeptStatement;
  close(): void;
};

export class SqliteFileDialect extends SqliteDialect {
  readonly #file: SqliteFile;

  constructor(file: SqliteFile) {
    super({ database: file });
    this.#file = file;
  }

  override createDriver(): Driver {
    return new SqliteFileDriver(this.#file);
  }
}

const begin = CompiledQuery.raw('begin');
const commit = CompiledQuery.raw('commit');
const rollback = CompiledQuery.raw('rollback');

class SqliteFileDriver implements Driver {
  readonly #file: SqliteFile;
  readonly #line = new Line();

  constructor(file: SqliteFile) {
    this.#file = file;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteTurn> {
    const turn = new SqliteTurn(this.#file, this.#line);
    await turn.take();
    return turn;
  }

  async beginTransaction(turn: SqliteTurn): Promise<void> {
    await turn.begin();
  }

  commitTransaction(turn: SqliteTurn): Promise<void> {
    return turn.commit();
  }

  /** What it had read, and is refused for, may have been written just before. */
  async rollbackTransaction(turn: SqliteTurn): Promise<void> {
    turn.rollback();
    turn.letGo();
    await this.#file.disk.settled();
  }

  async releaseConnection(turn: SqliteTurn): Promise<void> {
    turn.letGo();
  }

  /** Those who are in line already have their turn; nobody has one after this. */
  async destroy(): Promise<void> {
    await this.#line.enter();
    await this.#file.disk.settled().catch(() => undefined);
    this.#file.close();
  }
}

/** One who has, or has had, the connection. */
class SqliteTurn implements DatabaseConnection {
  readonly #file: SqliteFile;
  readonly #line: Line;
  #isMine = false;
  #isInTransaction = false;
  #hasWritten = false;

  constructor(file: SqliteFile, line: Line) {
    this.#file = file;
    this.#line = line;
  }

  async take(): Promise<void> {
    if (this.#isMine) return;
    await this.#line.enter();
    this.#isMine = true;
  }

  letGo(): void {
    if (!this.#isMine) return;
    this.#isMine = false;
    this.#line.leave();
  }

  async begin(): Promise<void> {
    await this.take();
    this.#run(begin);
    this.#isInTransaction = true;
  }

  async commit(): Promise<void> {
    this.#run(commit);
    await this.#end();
  }

  /** Does nothing when the transaction is over: what is open by then is another one's. */
  rollback(): void {
    if (!this.#isInTransaction) return;
    this.#isInTransaction = false;
    this.#hasWritten = false;
    this.#run(rollback);
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#isInTransaction) return this.#run(query);
    await this.take();
    const result = this.#run<R>(query);
    await this.#end();
    return result;
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Rows are read by pages here: a stream would keep everybody else waiting.');
  }

  async #end(): Promise<void> {
    this.#isInTransaction = false;
    if (this.#hasWritten) this.#file.disk.noteCommit();
    this.#hasWritten = false;
    this.letGo();
    await this.#file.disk.settled();
  }

  #run<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    const statement = this.#file.prepare(sql);
    if (statement.writes) this.#hasWritten = true;
    if (statement.reader) return { rows: statement.all(parameters) as R[] };
    const { changes } = statement.run(parameters);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }
}

/** First come, first served. */
class Line {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  enter(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    return Promise.resolve();
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isTaken = false;
  }
}
