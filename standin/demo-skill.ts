// The skill as a process of its own, as a user would run it, with an environment that holds nothing of the user's.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { findPackageRoot } from './package-root.ts';
import type { StandIn } from './types.ts';

const keptLogLines = 40;
const killAfterMs = 5000;
/** What a process needs from its surroundings on Linux, macOS and Windows. */
const inherited = ['PATH', 'Path', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LANG', 'TZ', 'NODE_OPTIONS'];

export type SkillIdentity = { readonly appId: string; readonly secret: string; readonly apiKey: string };

export type SkillProcess = {
  readonly url: string;
  readonly logTail: readonly string[];
  /** Rejects when the process ends without having been asked to. */
  readonly death: Promise<never>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
};

/** Starts the built skill on a free port, trusting only this stand-in. */
export async function spawnSkill(standIn: StandIn, identity: SkillIdentity): Promise<SkillProcess> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-demo-'));
  const child = spawn(process.execPath, [join(findPackageRoot(), 'dist', 'src', 'main.js')], {
    cwd: dataDir,
    env: { ...pickInherited(), ...describeSettings(standIn, identity, { port, url, dataDir }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const logTail: string[] = [];
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => keepTail(logTail, chunk));
  let isStopping = false;
  const death = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (!isStopping) reject(new Error(`the skill's process ended by itself (${signal ?? `exit code ${code}`})`));
    });
  });
  death.catch(() => undefined);
  return {
    url,
    logTail,
    death,
    async stop() {
      isStopping = true;
      await endProcess(child);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function describeSettings(
  standIn: StandIn,
  identity: SkillIdentity,
  place: { port: number; url: string; dataDir: string },
): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(place.port),
    PUBLIC_URL: place.url,
    MicrosoftAppId: identity.appId,
    MicrosoftAppPassword: identity.secret,
    MicrosoftAppType: 'SingleTenant',
    MicrosoftAppTenantId: standIn.tenantId,
    AllowedCallers: standIn.agent.appId,
    LOGIN_URL: standIn.loginUrl,
    OPENID_METADATA_URL: standIn.openIdMetadataUrl,
    ALLOWED_SERVICE_URLS: standIn.url,
    NOTIFY_API_KEYS: `demo:${identity.apiKey}`,
    DATA_DIR: place.dataDir,
    LOG_LEVEL: 'warn',
    // A user's own .env must not be read.
    DOTENV_CONFIG_PATH: join(place.dataDir, 'no.env'),
  };
}

function pickInherited(): Record<string, string> {
  return Object.fromEntries(inherited.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function keepTail(tail: string[], chunk: Buffer): void {
  tail.push(
    ...chunk
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
  tail.splice(0, Math.max(0, tail.length - keptLogLines));
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await exited;
  clearTimeout(timer);
}
