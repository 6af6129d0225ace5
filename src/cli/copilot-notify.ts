#!/usr/bin/env node
// The command line: sets the service up, starts it, finds out what is wrong with it, sends a notification and tells what
// became of one, lists deliveries and tries them again, and makes and checks skill manifests.

import 'dotenv/config';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ConfigError, parsePlaces } from '../config.ts';
import { backUp } from './backup.ts';
import { checkSettings } from './check-settings.ts';
import { cancelNotification, listDeliveries, purgeDeliveries, retryDeliveries } from './deliveries.ts';
import { initialise, initUsage } from './init.ts';
import { manageKeys } from './keys.ts';
import { manageManifest, manifestUsage } from './manifest.ts';
import { sendNotification, showNotification } from './notify.ts';
import { findTarget } from './target.ts';
import { manageWebhooks } from './webhooks.ts';
import { managePeople } from './people.ts';

const help = `copilot-notify: push messages into Copilot Studio conversations

  copilot-notify start                 run the service with the settings of .env or the environment
  copilot-notify init                  ask some questions, write .env and tell the commands that register the skill;
                                       --yes with --tenant, --callers, --public-url, --app-id and --secret-file asks none
  copilot-notify check                 list every fault in the settings
  copilot-notify doctor                look for what is wrong, from the settings to the storage, and tell what to change
      --only ID,ID --json              some checks; --home-page URL, --publisher-domain D and --parent-tenant ID are
                                       compared, --conversation ID looks at whether it can be reached
  copilot-notify doctor --explain 401 ID
                                       tell why an attempt of a delivery was refused
  copilot-notify notify --subject S --text T
                                       send a notification to whoever waits for S; instead of --subject:
                                       --user ID, --conversation ID or --all
      --keep-open                      leave an open wait open
      --expires-at TIME                RFC 3339, such as 2026-01-31T12:00:00Z
  copilot-notify status [ID]           tell what became of a notification; without ID, how the service stands
  copilot-notify cancel ID             take a notification back, as far as nobody has it yet
  copilot-notify deliveries            list deliveries: how they stand, and why
      --status S --reason R            only these, such as --status dead --reason rejected
  copilot-notify retry ID              try a dead or held delivery again (an ID that begins with a dash comes last,
                                       after --); instead of ID: --status dead or held, with --reason or without
  copilot-notify purge --status S      forget deliveries that are dead or cancelled, with --reason or without
  copilot-notify keys create --name N --scopes notify:send,notify:read,operate
                                       make an API key, shown once; --subjects order/,repo/ and --expires-at narrow it
  copilot-notify keys list | rotate ID | revoke ID
                                       rotate: the old key is good for --overlap-hours (24) more
  copilot-notify webhooks create --name N --scheme standard|github|cloudevents --template FILE
                                       let a source send its own events (docs/webhooks.md); --when FILE, --secret-file
                                       FILE and --subjects order/ narrow it
  copilot-notify webhooks list | change ID | rotate ID | revoke ID
  copilot-notify manifest build --app-id ID --endpoint https://HOST/api/messages --out FILE
                                       write the skill manifest; --schema 2.0, --name and --publisher change it
  copilot-notify manifest lint FILE or URL
                                       hold any skill's manifest against the rules of Copilot Studio's import;
                                       --json, --home-page URL and --publisher-domain D of the app registration
  copilot-notify manifest publish --app-id ID --endpoint URL --out DIR
                                       write manifests, icon and privacy page for a web host; --base-url URL of it
  copilot-notify people export ID      write all that is stored about a person, as JSON
  copilot-notify people erase ID --yes erase it
  copilot-notify backup [NAME]         have the running service write a backup into DATA_DIR/backups, and tell its path
  copilot-notify migrate sqlite-to-postgres
                                       copy the data of a stopped service from DATA_DIR into the empty PostgreSQL
                                       database of DATABASE_URL, count and compare it

  --url URL   where the service is (default: this machine at PORT, 3978 if that is not set)
  --key KEY   API key secret (default: NOTIFY_API_KEY, or else the first of NOTIFY_API_KEYS)
  --help, --version                    init, doctor and manifest tell their options with --help
`;

// Whoever reads has had enough, as `head` has: nothing more is wanted, and nothing is wrong.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
process.exitCode = await run(process.argv.slice(2));

async function run(args: string[]): Promise<number> {
  const parsed = readArguments(args);
  if (!parsed) return 2;
  const { values, positionals } = parsed;
  const [command, ...rest] = positionals;
  if (values.version) return print(readVersion());
  if (values.help || command === undefined) return print(await findHelp(command));
  const target = findTarget(values, process.env, readFile);
  const here = { env: process.env, readFile, fetch, now: () => Date.now() };
  const commands: Record<string, () => number | Promise<number>> = {
    start: async () => {
      await import('../main.ts');
      return 0;
    },
    init: () => initialise(values, write),
    check: () => checkSettings(process.env, readFile, write),
    doctor: async () => {
      // The SDK, which it gets tokens with, takes most of a second to load: no other command waits for that.
      const { consultDoctor } = await import('./doctor.ts');
      return consultDoctor(rest, values, { ...here, target }, write);
    },
    notify: () => sendNotification(target, values, write),
    status: () => showNotification(target, rest[0], write),
    cancel: () => cancelNotification(target, rest[0], write),
    deliveries: () => listDeliveries(target, values, write),
    retry: () => retryDeliveries(target, rest[0], values, write),
    keys: () => manageKeys(target, rest, values, write),
    webhooks: () => manageWebhooks(target, rest, values, { readFile, write }),
    manifest: () => manageManifest(rest, values, write),
    people: () => managePeople(target, rest, values, write),
    backup: () => backUp(target, rest, write),
    migrate: () => migrateData(rest),
    purge: () => purgeDeliveries(target, values, write),
  };
  const chosen = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (chosen) return chosen();
  process.stderr.write(`Unknown command ${command}.\n\n${help}`);
  return 2;
}

async function findHelp(command: string | undefined): Promise<string> {
  if (command === 'init') return initUsage;
  if (command === 'manifest') return manifestUsage;
  return command === 'doctor' ? (await import('./doctor.ts')).doctorUsage : help;
}

async function migrateData(words: readonly string[]): Promise<number> {
  // Here and not above: the drivers take a while to load, which no other command needs.
  const { migrate } = await import('./migrate.ts');
  try {
    return await migrate(parsePlaces(process.env, readFile), words, write);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { setting, message } of error.faults) write(`${setting}: ${message}\n`);
    return 2;
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        subject: { type: 'string' },
        user: { type: 'string' },
        conversation: { type: 'string' },
        all: { type: 'boolean' },
        text: { type: 'string' },
        'keep-open': { type: 'boolean' },
        'expires-at': { type: 'string' },
        status: { type: 'string' },
        name: { type: 'string' },
        scopes: { type: 'string' },
        subjects: { type: 'string' },
        'overlap-hours': { type: 'string' },
        scheme: { type: 'string' },
        template: { type: 'string' },
        when: { type: 'string' },
        'secret-file': { type: 'string' },
        reason: { type: 'string' },
        'app-id': { type: 'string' },
        endpoint: { type: 'string' },
        publisher: { type: 'string' },
        schema: { type: 'string' },
        out: { type: 'string' },
        'base-url': { type: 'string' },
        json: { type: 'boolean' },
        'home-page': { type: 'string' },
        'publisher-domain': { type: 'string' },
        yes: { type: 'boolean' },
        only: { type: 'string' },
        explain: { type: 'string' },
        'parent-tenant': { type: 'string' },
        'app-type': { type: 'string' },
        tenant: { type: 'string' },
        callers: { type: 'string' },
        'public-url': { type: 'string' },
        'resource-group': { type: 'string' },
        force: { type: 'boolean' },
        url: { type: 'string' },
        key: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return undefined;
  }
}

function readVersion(): string {
  const { version } = createRequire(import.meta.url)('#package') as { version: string };
  return `${version}\n`;
}

function readFile(path: string): string {
  return readFileSync(path, 'utf8');
}

function print(text: string): number {
  write(text);
  return 0;
}

function write(text: string): void {
  process.stdout.write(text);
}
