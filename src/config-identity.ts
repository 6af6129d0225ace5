// Who this skill is: its app registration and the credential it proves itself with.

import { createPrivateKey } from 'node:crypto';
import type { SettingReader } from './setting-reader.ts';

type AppType = 'SingleTenant' | 'MultiTenant' | 'UserAssignedMSI';

export type Credential =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'certificate'; readonly thumbprint: string; readonly privateKey: string }
  | { readonly kind: 'managedIdentity' };

export type Identity = {
  readonly appId: string;
  readonly appType: AppType;
  readonly tenantId: string | undefined;
  readonly credential: Credential;
};

const appTypes: readonly AppType[] = ['SingleTenant', 'MultiTenant', 'UserAssignedMSI'];

/** Reads the identity; faults go to `settings`. */
export function readIdentity(settings: SettingReader): Identity {
  const appId = settings.readGuid('MicrosoftAppId', 'the app id of the skill, from its Entra app registration');
  const appType = settings.readChoice('MicrosoftAppType', appTypes) ?? 'SingleTenant';
  const tenantId =
    appType === 'MultiTenant' && settings.readText('MicrosoftAppTenantId') === undefined
      ? undefined
      : settings.readGuid('MicrosoftAppTenantId', "the tenant of the skill, which is also the parent agent's");
  return { appId, appType, tenantId, credential: readCredential(settings, appType) };
}

function readCredential(settings: SettingReader, appType: AppType): Credential {
  const secret = settings.readSecret('MicrosoftAppPassword');
  const thumbprint = settings.readText('CertificateThumbprint');
  const privateKey = settings.readSecret('CertificatePrivateKey')?.replaceAll('\\n', '\n');
  const hasCertificate = thumbprint !== undefined || privateKey !== undefined;
  if (appType === 'UserAssignedMSI') {
    if (secret !== undefined) settings.addFault('MicrosoftAppPassword', 'must not be set with UserAssignedMSI');
    if (hasCertificate) settings.addFault('CertificateThumbprint', 'must not be set with UserAssignedMSI');
    return { kind: 'managedIdentity' };
  }
  if (hasCertificate) {
    if (secret !== undefined) settings.addFault('MicrosoftAppPassword', 'set either this or the certificate, not both');
    return checkCertificate(settings, thumbprint, privateKey);
  }
  if (secret === undefined) {
    const message = 'is missing: the client secret, or CertificateThumbprint and CertificatePrivateKey';
    settings.addFault('MicrosoftAppPassword', message);
  }
  return { kind: 'secret', secret: secret ?? '' };
}

function checkCertificate(
  settings: SettingReader,
  thumbprint: string | undefined,
  privateKey: string | undefined,
): Credential {
  if (thumbprint === undefined) {
    settings.addFault('CertificateThumbprint', 'is missing: it goes with CertificatePrivateKey');
  } else if (!/^[0-9a-f]{40}$/i.test(thumbprint)) settings.addFault('CertificateThumbprint', 'must be 40 hex digits');
  if (privateKey === undefined) {
    settings.addFault('CertificatePrivateKey', 'is missing: it goes with CertificateThumbprint');
    // Empty: its file is faulty, and named already.
  } else if (privateKey !== '' && !isRsaPrivateKey(privateKey)) {
    settings.addFault('CertificatePrivateKey', 'is not an RSA private key in PEM form');
  }
  return { kind: 'certificate', thumbprint: thumbprint ?? '', privateKey: privateKey ?? '' };
}

/** RSA, as MSAL signs its assertions with RS256 or PS256: another key would fail at the first token. */
function isRsaPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
