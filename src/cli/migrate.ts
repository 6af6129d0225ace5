// Moves the data of a service that does not run from SQLite to PostgreSQL.

import { takeBackLeases } from '../notifications/lane-store.ts';
import { CommitLost, copyData, type TableComparison } from '../storage/copy-data.ts';
import { openPatiently, openStopped } from '../storage/database.ts';

/** The settings DATA_DIR and DATABASE_URL. */
export type Places = { readonly dataDir: string; readonly databaseUrl: string | undefined };

const usage = `Give: migrate sqlite-to-postgres
with the service stopped, DATA_DIR as it had it, and DATABASE_URL of an empty PostgreSQL database.
`;

const ifNothing = 'Nothing was stored, DATA_DIR is as it was.\n';
const ifCommitLost = `Run it again: if it then finds rows in DATABASE_URL, they are all there, and the service may be started on it.
`;

/**
 * Copies everything, writes the rows of each table on both sides, and whether they are the same. Returns the exit code:
 * 0 all is there and equal, 1 nothing was stored, 2 wrong arguments.
 */
export async function migrate(
  { dataDir, databaseUrl }: Places,
  words: readonly string[],
  write: (text: string) => void,
): Promise<number> {
  if (words.join(' ') !== 'sqlite-to-postgres' || databaseUrl === undefined) {
    write(databaseUrl === undefined ? `DATABASE_URL is not set.\n${usage}` : usage);
    return 2;
  }
  try {
    await copy(dataDir, databaseUrl, write);
    write('\nAll is there. Start the service with DATABASE_URL; keep DATA_DIR until you have seen it work.\n');
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    write(`\n${explain(error)}.\n${error instanceof CommitLost ? ifCommitLost : ifNothing}`);
    return 1;
  }
}

async function copy(dataDir: string, databaseUrl: string, write: (text: string) => void): Promise<void> {
  const source = await openStopped(dataDir);
  try {
    const target = await openPatiently(databaseUrl);
    try {
      write(formatLine('table', 'SQLite', 'PostgreSQL', 'content'));
      await copyData(source, target, {
        onTable: (comparison) => write(formatComparison(comparison)),
        // The process that held them is dead; a service on PostgreSQL would wait for their ends.
        finish: takeBackLeases,
      });
    } finally {
      await target.destroy();
    }
  } finally {
    await source.destroy();
  }
}

/** With what is behind it: the words of the database say what to do about it. */
function explain(error: Error): string {
  const words = error.message.replace(/\.$/, '');
  return error.cause instanceof Error && error.cause.message !== '' ? `${words}: ${explain(error.cause)}` : words;
}

function formatComparison({ table, sourceRows, targetRows, isEqual }: TableComparison): string {
  return formatLine(table, formatCount(sourceRows), formatCount(targetRows), isEqual ? 'equal' : 'DIFFERENT');
}

function formatLine(table: string, source: string, target: string, content: string): string {
  return `${table.padEnd(18)}${source.padStart(14)}${target.padStart(14)}  ${content}\n`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
