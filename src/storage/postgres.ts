// Speaks to PostgreSQL: a bounded pool whose connections are thrown away when they have failed, and errors that tell a
// database that is away from a mistake of ours.

import { PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import { DatabaseError, Pool, type PoolClient, types } from 'pg';
import { AppError } from '../errors.ts';

type PostgresOptions = {
  readonly url: string;
  /** Connections at most. */
  readonly most: number;
  /** No statement may take longer; 0 for any time. */
  readonly statementMs: number;
};

const connectMs = 5_000;
/** Beyond the statement's own time: an answer that has not come by then never comes (a half-open connection). */
const answerGraceMs = 1_000;
/** A process that was stopped in the middle of a transaction must not hold its locks for ever. */
const idleInTransactionMs = 10_000;

/** The pool ends what has been idle for 10 s: beyond this its client has gone without a word (a half-open connection). */
const idleMs = 60_000;

const bigintOid = 20;
const numericOid = 1700;

/** Kysely's dialect over such a pool. `onTrouble` is told of connections that end by themselves. */
export function createPostgresDialect(options: PostgresOptions, onTrouble: (error: Error) => void): PostgresDialect {
  const { url, most, statementMs } = options;
  const pool = new Pool({
    connectionString: url,
    max: most,
    application_name: 'copilot-notify',
    keepAlive: true,
    connectionTimeoutMillis: connectMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    options: `-c idle_session_timeout=${idleMs}`,
    ...(statementMs > 0 && { statement_timeout: statementMs, query_timeout: statementMs + answerGraceMs }),
    types: { getTypeParser },
  });
  // Told by its client below; without a listener here as well, the end of an idle connection would end the process.
  pool.on('error', () => undefined);
  return new PostgresDialect({ pool: guardPool(pool, onTrouble) });
}

/** Times and counts are integers far below 2^53: numbers, as on SQLite, not texts. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === bigintOid || oid === numericOid) return Number;
  return types.getTypeParser(oid, format) as (text: string) => unknown;
}

function guardPool(pool: Pool, onTrouble: (error: Error) => void): PostgresPool {
  const guarded = new WeakMap<PoolClient, PostgresPoolClient>();
  // At once: when `connect` below goes on, the connection may have ended already.
  pool.on('connect', (client) => guarded.set(client, guardClient(client, onTrouble)));
  return {
    connect: async () => {
      const client = await pool.connect().catch((error: unknown) => {
        throw unavailable(error);
      });
      return guarded.get(client) ?? guardClient(client, onTrouble);
    },
    end: () => pool.end(),
  };
}

/**
 * A connection on which a statement was cut off still waits for its answer: the next user would get it. So it is used no
 * more, not even for the rollback, which would only wait as long again: the server rolls back when the connection ends.
 */
function guardClient(client: PoolClient, onTrouble: (error: Error) => void): PostgresPoolClient {
  let brokenBy: unknown;
  // The pool listens only while nobody uses it. In the middle of a transaction, between two statements, its end would be
  // an error without a listener, which ends the process.
  client.on('error', (error) => {
    brokenBy ??= error;
    onTrouble(error);
  });
  const query = async (text: string, values: readonly unknown[]) => {
    if (brokenBy !== undefined) throw unavailable(brokenBy);
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      if (!isTroubleOfServer(error)) throw error;
      brokenBy = error;
      throw unavailable(error);
    }
  };
  const release = (): void => client.release(brokenBy !== undefined);
  // Its second form takes a cursor, which only streamed queries have.
  return { query: query as unknown as PostgresPoolClient['query'], release };
}

/** Error classes of postgresql.org/docs/current/errcodes-appendix.html; those without a code come from the connection. */
function isTroubleOfServer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return !(error instanceof DatabaseError) || /^(08|25006|25P03|53|57|58|XX)/.test(code);
}

function unavailable(cause: unknown): AppError {
  return new AppError('unavailable', 'The database of DATABASE_URL cannot be reached, or takes nothing now.', {
    cause,
    headers: { 'Retry-After': '5' },
  });
}
