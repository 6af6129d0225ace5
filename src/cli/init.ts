// Sets the service up: asks, or takes the answers from the options, writes .env, and tells how the skill is registered.

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fchmodSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { ConfigError, parseConfig } from '../config.ts';
import { type Ask, type Given, gatherAnswers } from '../init/answers.ts';
import { renderEnvFile } from '../init/env-file.ts';
import { tellAppCommands, tellGuide, tellSecretCommands } from '../init/guide.ts';
import { askOnTerminal } from './ask.ts';

export type InitArguments = Given & {
  /** Path of a file with the client secret: on the command line others could read it. */
  readonly 'secret-file'?: string | undefined;
  /** Path of the file to write; default .env. */
  readonly out?: string | undefined;
  readonly force?: boolean | undefined;
  /** Asks nothing. */
  readonly yes?: boolean | undefined;
};

export const initUsage = `Give: init, which asks for what is not given; or init --yes, which asks nothing, with the options marked *
  --app-type SingleTenant|UserAssignedMSI   a secret (default), or a managed identity of Azure
* --tenant GUID          of the agent's directory
* --callers GUID,GUID    app ids of the agents
* --public-url URL       https address of this service, without a path
* --app-id GUID          of the skill; what makes it is then left out of the commands
* --secret-file FILE     its client secret (or MicrosoftAppPassword in the environment); none for a managed identity
  --name NAME            of the registration and the Azure Bot (default copilot-notify)
  --resource-group NAME  for what is made in Azure (default copilot-notify)
  --out FILE             what to write (default .env); a file that is there stays as it is, unless --force is given
`;

export type InitSurroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent: nobody is there to be asked. */
  readonly ask?: Ask | undefined;
  /** Random text of letters, digits, - and _. */
  readonly drawKey: () => string;
};

/** A secret that began with a dash would be taken for an option after --key. */
const keyPrefix = 'k_';

const surroundings: InitSurroundings = {
  env: process.env,
  ask: process.stdin.isTTY ? askOnTerminal : undefined,
  drawKey: () => randomBytes(32).toString('base64url'),
};

/** Does it. Returns the exit code: 0 written, 1 the file is there already or cannot be written, 2 wrong or missing answers. */
export async function initialise(
  given: InitArguments,
  write: (text: string) => void,
  { env, ask, drawKey }: InitSurroundings = surroundings,
): Promise<number> {
  const { out = '.env', force = false } = given;
  if (existsSync(out) && !force) {
    write(`${out} is there already, and is left as it is: give --force to replace it, or --out FILE.\n`);
    return 1;
  }
  const secret = readSecret(given['secret-file'], env);
  if (typeof secret === 'object') return refuse([secret.fault], write);
  const answers = await gatherAnswers({
    given,
    secret,
    ask: given.yes === true ? undefined : ask,
    write,
    beforeAppId: tellAppCommands,
    beforeSecret: tellSecretCommands,
  });
  if ('faults' in answers) return refuse(answers.faults, write);
  try {
    const text = renderEnvFile(answers, `${keyPrefix}${drawKey()}`);
    const faults = findFaults(text);
    if (faults.length > 0) return refuse(faults, write);
    save(out, text, force);
  } catch (error) {
    write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  write(`${out} is written, with a key for the first sender in NOTIFY_API_KEYS.\n${tellGuide(answers)}`);
  return 0;
}

function refuse(faults: readonly string[], write: (text: string) => void): number {
  for (const fault of faults) write(`${fault}\n`);
  return 2;
}

function readSecret(
  path: string | undefined,
  env: InitSurroundings['env'],
): string | undefined | { readonly fault: string } {
  if (path === undefined) return env['MicrosoftAppPassword']?.trim() || undefined;
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? { fault: `--secret-file: ${path} is empty.` } : text;
  } catch {
    return { fault: `--secret-file: ${path} cannot be read.` };
  }
}

/** What the service would say of this file at its start, with nothing else set. */
function findFaults(text: string): string[] {
  try {
    parseConfig(parse(text), () => '');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ setting, message }) => `${setting}: ${message}.`);
  }
}

/** For its owner alone, before anything is in it. */
function save(path: string, text: string, force: boolean): void {
  const file = openSync(path, force ? 'w' : 'wx', 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}
