// T23: who the skill is, each with a value of another form and a canary in it. The fault names the setting and the form it should
// have, and nowhere is the value.

import { expect, it } from 'vitest';
import { type BadSetting, certificate, refusalOf } from './helpers/settings.ts';

const guid = (what: string): string => `must be a GUID: ${what}`;
const both = 'set either this or MicrosoftAppPassword_FILE, not both';

const bad: readonly BadSetting[] = [
  [
    'an app id',
    { MicrosoftAppId: 'canary-bot' },
    'MicrosoftAppId',
    guid('the app id of the skill, from its Entra app registration'),
  ],
  [
    'an app id in braces',
    { MicrosoftAppId: '{ca9a9100-0000-4000-8000-00000000000a}' },
    'MicrosoftAppId',
    guid('the app id of the skill, from its Entra app registration'),
  ],
  [
    'a tenant',
    { MicrosoftAppTenantId: 'canary.onmicrosoft.com' },
    'MicrosoftAppTenantId',
    guid("the tenant of the skill, which is also the parent agent's"),
  ],
  [
    'a type',
    { MicrosoftAppType: 'CanaryTenant' },
    'MicrosoftAppType',
    'must be SingleTenant or MultiTenant or UserAssignedMSI',
  ],
  [
    'a secret and a certificate',
    { ...certificate, MicrosoftAppPassword: 'canary-secret' },
    'MicrosoftAppPassword',
    'set either this or the certificate, not both',
  ],
  [
    'a secret of a managed identity',
    { MicrosoftAppType: 'UserAssignedMSI', MicrosoftAppPassword: 'canary-secret' },
    'MicrosoftAppPassword',
    'must not be set with UserAssignedMSI',
  ],
  [
    'a thumbprint',
    { ...certificate, CertificateThumbprint: 'canary:thumb:print' },
    'CertificateThumbprint',
    'must be 40 hex digits',
  ],
  [
    'a private key',
    { ...certificate, CertificatePrivateKey: '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----' },
    'CertificatePrivateKey',
    'is not an RSA private key in PEM form',
  ],
  [
    'a secret and its file',
    { MicrosoftAppPassword: 'canary-secret', MicrosoftAppPassword_FILE: '/run/secret' },
    'MicrosoftAppPassword',
    both,
  ],
  [
    'a secret file that is not there',
    { MicrosoftAppPassword: undefined, MicrosoftAppPassword_FILE: '/run/canary' },
    'MicrosoftAppPassword_FILE',
    'the file cannot be read',
  ],
  [
    'a secret file that is empty',
    { MicrosoftAppPassword: undefined, MicrosoftAppPassword_FILE: '/run/empty' },
    'MicrosoftAppPassword_FILE',
    'the file is empty',
  ],
  [
    'a file of a mark alone',
    { MicrosoftAppPassword: undefined, MicrosoftAppPassword_FILE: '/run/bom-alone' },
    'MicrosoftAppPassword_FILE',
    'the file is empty',
  ],
  [
    'a secret file in UTF-16',
    { MicrosoftAppPassword: undefined, MicrosoftAppPassword_FILE: '/run/utf16' },
    'MicrosoftAppPassword_FILE',
    'the file must be text in UTF-8',
  ],
  [
    'a file of the certificate that is empty',
    { ...certificate, CertificatePrivateKey: undefined, CertificatePrivateKey_FILE: '/run/empty' },
    'CertificatePrivateKey_FILE',
    'the file is empty',
  ],
];

it.each(bad)('%s', (_, change, setting, message) => {
  expect(refusalOf(change)).toEqual({ faults: [{ setting, message }], exitCode: 1, leaked: [] });
});
