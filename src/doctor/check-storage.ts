// Whether the database takes anything. The running service is asked first: a file of SQLite is its alone. Where nobody
// answers, the doctor opens the database itself, for a moment, and brings no table up to date: that is for a start.

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { createPostgresDialect } from '../storage/postgres.ts';
import { createSqliteDialect } from '../storage/sqlite.ts';
import { type Check, fine, type Outcome, type Visit, wrong } from './check.ts';

const answerWithinMs = 10_000;
const readinessSchema = z.object({ status: z.enum(['ok', 'unavailable']), reason: z.string().optional() });

export const checkStorage: Check = {
  id: 'storage',
  needs: ['DATA_DIR', 'DATABASE_URL'],
  after: [],
  look: async (visit) => {
    const { target, config } = visit;
    const readiness = await askService(visit).catch(() => undefined);
    if (readiness?.status === 'ok') return fine(`The service at ${target.url} says that it can store.`);
    if (readiness !== undefined) {
      return wrong(
        `The service at ${target.url} says that it is not ready: ${readiness.reason ?? 'it does not say why'}`,
        'Look at the disk of DATA_DIR, or at the database of DATABASE_URL; the log of the service has the cause.',
      );
    }
    const outcome = config.databaseUrl === undefined ? await tryFile(visit) : await tryServer(config.databaseUrl);
    return { ...outcome, detail: `${outcome.detail} No service answers at ${target.url}.` };
  },
};

async function askService({ target, fetch: send }: Visit): Promise<z.infer<typeof readinessSchema>> {
  const answer = await send(new URL('/health/ready', target.url), {
    redirect: 'manual',
    signal: AbortSignal.timeout(answerWithinMs),
  });
  return readinessSchema.parse(await answer.json());
}

async function tryFile({ config: { dataDir } }: Visit): Promise<Outcome> {
  if (!existsSync(join(dataDir, 'copilot-notify.db'))) return tryFolder(resolve(dataDir));
  try {
    const driver = createSqliteDialect(dataDir).createDriver();
    await driver.init();
    await driver.destroy();
    return fine(`The database in ${dataDir} opens, and no service has it.`);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const fix = words.includes('in use')
      ? 'Name the address of the service that has it with --url; never start a second one on one folder.'
      : 'Let DATA_DIR name a folder that the service may write to, on a disk that works.';
    return wrong(`${words}.`, fix);
  }
}

/** There is no database yet: whether one could be made, without making it. */
function tryFolder(dataDir: string): Outcome {
  let folder = dataDir;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    accessSync(join(folder, '.'), constants.W_OK | constants.X_OK);
    return fine(`There is no database yet; the first start makes it in ${dataDir}.`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return wrong(
      `DATA_DIR: no database can be made in ${dataDir} (${code}).`,
      'Let DATA_DIR name a folder that the service may write to.',
    );
  }
}

/** Codes of the system and of PostgreSQL (postgresql.org/docs/current/errcodes-appendix.html). */
const troubles: Readonly<Record<string, readonly [words: string, fix: string]>> = {
  ENOTFOUND: ['its host is not known', 'Compare the host in DATABASE_URL.'],
  ECONNREFUSED: ['nobody answers at its address', 'Start the server, or compare host and port in DATABASE_URL.'],
  '28P01': ['user or password is wrong', 'Compare user and password in DATABASE_URL, escaped as in a URL.'],
  '28000': [
    'the server does not let this user in from here',
    'Look at pg_hba.conf, and whether TLS is asked for (sslmode).',
  ],
  '3D000': ['there is no such database', 'Make the database, or compare its name in DATABASE_URL.'],
  '53300': ['the server has no connection left', 'Raise max_connections, or run fewer replicas.'],
};

async function tryServer(url: string): Promise<Outcome> {
  try {
    const driver = createPostgresDialect({ url, most: 1, statementMs: 5_000 }, () => undefined).createDriver();
    await driver.init();
    try {
      await driver.releaseConnection(await driver.acquireConnection());
    } finally {
      await driver.destroy();
    }
    return fine('The database of DATABASE_URL lets us in.');
  } catch (error) {
    const code = codeOf(error);
    // By its code alone: a URL with a slip in it may have put part of the password where the words tell the host.
    const [words, fix] = (Object.hasOwn(troubles, code) && troubles[code]) || [
      'no connection can be had',
      'See that the server runs and lets this machine in.',
    ];
    return wrong(`DATABASE_URL: ${words}${code === '' ? '' : ` (${code})`}.`, fix);
  }
}

/** Of the error or of what caused it, however deep. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error.cause !== undefined) return codeOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
