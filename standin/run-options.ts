// The command line of the stand-in.

import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { parseSwitches, type Switches } from './switches.ts';
import type { TokenVersion } from './types.ts';

export const help = `A stand-in for Copilot Studio: a tenant, an agent and a page with the test pane and Teams, on 127.0.0.1.
It imports any skill as Copilot Studio does and refuses what Copilot Studio refuses.

  npm run standin -- --manifest <url or file> [options]

The skill
  --manifest <url or file>  its manifest; tried again until the import succeeds
  --endpoint <url>          its endpoint here, instead of the manifest's
  --skill-app-id <id>       its app id (default: msAppId of the manifest)
  --skill-secret <secret>   its client secret (default: one is made and shown)
  --skill-type <type>       SingleTenant (default) or MultiTenant
  --home-page <url>         home page of its app registration (default: the manifest's address, or else the endpoint)

The agent
  --port <number>           port to listen on (default 3979, 0 for a free one)
  --tenant <id>             tenant id (default: always the same one for a manifest)
  --agent-app-id <id>       app id of the agent (default: likewise)
  --token-version <version> 1.0 (default) or 2.0
  --multi-tenant-agent      its tokens come from the Bot Framework's tenant, as those of old agents
  --set <switch>=<value>    a switch of the page, such as closedStatus=410 or entraAgentId=true; may come again

  --once                    import, say what was found, and end: exit code 0, or 1 when it was refused
  --help                    this text

What it cannot do
  The tenant is a false one: the skill must ask here for tokens and trust the keys that it finds here. The settings
  are shown at the start; a skill on Microsoft's SDK for JavaScript can be started unchanged with a preload.
  The skill must run where 127.0.0.1 is this machine. Microsoft documents no later push from a skill; what is taken
  here keeps to the protocol, and nobody knows whether the service delivers it. There is no sign-in of users, no card
  is drawn, and in the test pane activities name https://directline.botframework.com/ as the real ones do.
`;

const optionTypes = {
  port: { type: 'string', default: '3979' },
  manifest: { type: 'string' },
  endpoint: { type: 'string' },
  'home-page': { type: 'string' },
  'skill-app-id': { type: 'string' },
  'skill-secret': { type: 'string' },
  'skill-type': { type: 'string', default: 'SingleTenant' },
  tenant: { type: 'string' },
  'agent-app-id': { type: 'string' },
  'token-version': { type: 'string', default: '1.0' },
  'multi-tenant-agent': { type: 'boolean', default: false },
  set: { type: 'string', multiple: true },
  once: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export type RunOptions = {
  readonly port: number;
  readonly manifest: string | undefined;
  readonly endpointUrl: string | undefined;
  readonly homePageUrl: string | undefined;
  readonly skillAppId: string | undefined;
  readonly skillSecret: string | undefined;
  readonly isMultiTenantSkill: boolean;
  readonly tenantId: string;
  readonly agentAppId: string;
  readonly tokenVersion: TokenVersion;
  readonly isMultiTenantAgent: boolean;
  readonly switches: Partial<Switches>;
  readonly once: boolean;
};

/** What was asked for, or undefined for help. Throws with the option to correct. */
export function parseRunOptions(args: readonly string[]): RunOptions | undefined {
  const { values } = parseArgs({ args: [...args], options: optionTypes });
  if (values.help) return undefined;
  if (values.once && values.manifest === undefined) throw new Error('--once needs --manifest');
  // The same ones at the next start, so that the settings of the skill need no change.
  const seed = values['skill-app-id'] ?? values.manifest ?? '';
  return {
    port: parsePort(values.port),
    manifest: values.manifest,
    endpointUrl: parseUrl('--endpoint', values.endpoint),
    homePageUrl: parseUrl('--home-page', values['home-page']),
    skillAppId: values['skill-app-id'],
    skillSecret: values['skill-secret'],
    isMultiTenantSkill: pick('--skill-type', values['skill-type'], ['SingleTenant', 'MultiTenant']) === 'MultiTenant',
    tenantId: values.tenant ?? deriveId(`tenant of ${seed}`),
    agentAppId: values['agent-app-id'] ?? deriveId(`agent of ${seed}`),
    tokenVersion: pick('--token-version', values['token-version'], ['1.0', '2.0'] as const),
    isMultiTenantAgent: values['multi-tenant-agent'],
    switches: parseSwitches(Object.fromEntries((values.set ?? []).map(parseAssignment))),
    once: values.once,
  };
}

/** An id of the form of a random one that is always the same for this text. */
function deriveId(text: string): string {
  const digits = createHash('sha256').update(text).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port must be 0 to 65535');
  return port;
}

function parseUrl(option: string, text: string | undefined): string | undefined {
  if (text !== undefined && !/^https?:\/\//.test(text)) throw new Error(`${option} must be an http or https address`);
  return text;
}

function pick<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new Error(`${option} must be ${choices.join(' or ')}`);
  return choice;
}

function parseAssignment(text: string): [string, unknown] {
  const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new Error(`--set must be like closedStatus=410 (got ${text})`);
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}
