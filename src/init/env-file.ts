// The text of the .env that `init` writes.

import type { Answers } from './answers.ts';

/** `apiKey` is the secret of the first sender. Throws where a value cannot be written so that it is read back. */
export function renderEnvFile(answers: Answers, apiKey: string): string {
  const { appType, tenant, callers, publicUrl, appId, secret } = answers;
  const settings = {
    MicrosoftAppId: appId,
    MicrosoftAppType: appType,
    MicrosoftAppTenantId: tenant,
    ...(secret !== undefined && { MicrosoftAppPassword: secret }),
    AllowedCallers: callers,
    PUBLIC_URL: publicUrl,
    NOTIFY_API_KEYS: `first:${apiKey}`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${quote(value)}`);
  return ['# Written by copilot-notify init. Every other setting: .env.example.', ...lines, ''].join('\n');
}

/** Only where it must be: `docker run --env-file` takes quotes for a part of the value. */
function quote(value: string): string {
  if (/^[\w.~:/,+@%=*!?-]+$/.test(value)) return value;
  // In single quotes and backticks everything stands for itself.
  const mark = ["'", '`'].find((candidate) => !value.includes(candidate));
  if (mark === undefined || /[\r\n]/.test(value)) {
    throw new Error('The client secret cannot be written to .env: make another one, without quotes in it.');
  }
  return `${mark}${value}${mark}`;
}
