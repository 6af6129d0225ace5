// Runs the stand-in on its own, so that a skill anywhere on this machine can be tried against it.

import { parseArgs } from 'node:util';
import type { ImportFinding } from '../src/manifest/import-finding.ts';
import { startStandIn, type StandIn } from './stand-in.ts';

const help = `Stand-in for Copilot Studio: a tenant, an agent and a chat page on the loopback interface.

  npm run standin -- [options]

  --port <number>           port to listen on (default 3979)
  --manifest <url>          skill manifest to import
  --skill-app-id <id>       app registration of the skill, needed for the import and for its tokens
  --skill-secret <secret>   client secret of that registration
  --tenant <id>             tenant id (default random)
  --agent-app-id <id>       app id of the agent (default random)
  --token-version <1.0|2.0> version of the tokens (default 1.0)
  --help                    this text
`;

const optionTypes = {
  port: { type: 'string', default: '3979' },
  manifest: { type: 'string' },
  'skill-app-id': { type: 'string' },
  'skill-secret': { type: 'string' },
  tenant: { type: 'string' },
  'agent-app-id': { type: 'string' },
  'token-version': { type: 'string', default: '1.0' },
  help: { type: 'boolean', default: false },
} as const;

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const { values } = parseArgs({ options: optionTypes });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const { manifest, tenant, 'agent-app-id': agentAppId, 'skill-app-id': appId, 'skill-secret': secret } = values;
  if ((appId === undefined) !== (secret === undefined)) {
    throw new Error('--skill-app-id and --skill-secret go together');
  }
  const standIn = await startStandIn({
    port: parsePort(values.port),
    tokenVersion: parseTokenVersion(values['token-version']),
    ...(tenant === undefined ? {} : { tenantId: tenant }),
    ...(agentAppId === undefined ? {} : { agent: { appId: agentAppId } }),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void standIn.stop());
  if (appId !== undefined && secret !== undefined) {
    // The home page of a registration is to be the manifest's address: learn.microsoft.com/azure/bot-service/skill-pva.
    standIn.registerApp({ appId, secret, ...(manifest === undefined ? {} : { homePageUrl: manifest }) });
  }
  process.stdout.write(describeSettings(standIn, appId));
  if (manifest === undefined) return;
  const { ok, findings } = await standIn.importSkill(manifest);
  process.stdout.write(describeImport(manifest, ok, findings));
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port must be 0 to 65535');
  return port;
}

function parseTokenVersion(text: string): '1.0' | '2.0' {
  if (text === '1.0' || text === '2.0') return text;
  throw new Error('--token-version must be 1.0 or 2.0');
}

function describeSettings(standIn: StandIn, skillAppId: string | undefined): string {
  const settings = [
    ['MicrosoftAppId', skillAppId ?? '<as in --skill-app-id>'],
    ['MicrosoftAppPassword', '<as in --skill-secret>'],
    ['MicrosoftAppType', 'SingleTenant'],
    ['MicrosoftAppTenantId', standIn.tenantId],
    ['AllowedCallers', standIn.agent.appId],
    ['LOGIN_URL', standIn.loginUrl],
    ['OPENID_METADATA_URL', standIn.openIdMetadataUrl],
    ['ALLOWED_SERVICE_URLS', standIn.url],
  ];
  const lines = settings.map(([name, value]) => `${name}=${value}`);
  return `Chat page: ${standIn.chatPageUrl}\n\nSettings for the skill:\n${lines.join('\n')}\n\nCtrl-C stops it.\n`;
}

function describeImport(manifest: string, ok: boolean, findings: readonly ImportFinding[]): string {
  const lines = findings.map(
    ({ level, code, message, path }) => `  ${level} ${code}${path ? ` at ${path}` : ''}: ${message}`,
  );
  return [`\nImport of ${manifest}: ${ok ? 'done' : 'refused'}`, ...lines, ''].join('\n');
}
