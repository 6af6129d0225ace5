// What the stand-in says on a terminal.

import type { ImportResult } from './manifest.ts';
import { listSettings } from './settings.ts';
import type { StandIn } from './types.ts';

export type Shown = {
  readonly standIn: StandIn;
  readonly skillAppId: string | undefined;
  readonly secret: string;
  /** Whether it was made here, and so must be shown. */
  readonly isMadeSecret: boolean;
  readonly isMultiTenantSkill: boolean;
};

/** Addresses and the settings with which a skill works here. */
export function describeStart({ standIn, skillAppId, secret, isMadeSecret, isMultiTenantSkill }: Shown): string {
  const { url, agent, tenantId } = standIn;
  const known = { url, agent, directory: { tenantId, skills: [] } };
  const settings = listSettings(known, skillAppId ?? '<msAppId of the manifest>').map(({ name, value }) =>
    name === 'MicrosoftAppType' && isMultiTenantSkill ? { name, value: 'MultiTenant' } : { name, value },
  );
  const password = { name: 'MicrosoftAppPassword', value: isMadeSecret ? secret : '<as in --skill-secret>' };
  const lines = [...settings.slice(0, 1), password, ...settings.slice(1)].map(({ name, value }) => `${name}=${value}`);
  return `Page: ${standIn.chatPageUrl}

Settings for the skill; the last three are this project's own names, for where Entra is and who may be called back:
${lines.join('\n')}

A skill on Microsoft's SDK for JavaScript can be started unchanged, with its own names for the first five:
STANDIN_URL=${standIn.url} node --import ${new URL('preload.js', import.meta.url).href} <skill.js>

It then trusts this tenant's keys: for tests only. Ctrl-C stops the stand-in.
`;
}

/** What became of an import, and what to change. */
export function describeImport(manifest: string, { ok, findings, manifest: parsed }: ImportResult): string {
  const lines = findings.flatMap(({ level, code, message, path, fix }) => [
    `  ${level} ${code}${path ? ` at ${path}` : ''}: ${message}`,
    `    ${fix}`,
  ]);
  const actions = ok ? [`  actions: ${Object.keys(parsed?.activities ?? {}).join(', ')}`] : [];
  return [`\nImport of ${manifest}: ${ok ? 'done' : 'refused'}`, ...lines, ...actions, ''].join('\n');
}
