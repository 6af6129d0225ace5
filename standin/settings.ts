// What a skill must be told so that it works with this stand-in and with nothing else.

import type { Directory } from './directory.ts';

export type Setting = { readonly name: string; readonly value: string };

type Told = {
  readonly url: string;
  readonly agent: { readonly appId: string };
  readonly directory: Pick<Directory, 'tenantId' | 'skills'>;
};

/** The settings by the names that this project's skill reads; the secret is not among them. */
export function listSettings({ url, agent, directory }: Told, skillAppId?: string): readonly Setting[] {
  const appId = skillAppId ?? directory.skills[0]?.appId ?? '<app id of the skill>';
  return [
    { name: 'MicrosoftAppId', value: appId },
    { name: 'MicrosoftAppType', value: 'SingleTenant' },
    { name: 'MicrosoftAppTenantId', value: directory.tenantId },
    { name: 'AllowedCallers', value: agent.appId },
    { name: 'LOGIN_URL', value: url },
    { name: 'OPENID_METADATA_URL', value: nameMetadataUrl(url) },
    { name: 'ALLOWED_SERVICE_URLS', value: url },
  ];
}

/** Where the keys of the tenant are found, in the place of login.microsoftonline.com's. */
export function nameMetadataUrl(url: string): string {
  return `${url}/botframework.com/v2.0/.well-known/openid-configuration`;
}
